"""An encoder that stores the `.data` of what it makes of each row."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Encoder(nn.Module):
    def __init__(self, d_in, d_hid):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d_in, d_hid), nn.Tanh(), nn.Linear(d_hid, d_hid)
        )

    def forward(self, x):
        feats = []
        for row in x:
            feats.append(self.net(row).data)  # finds: none-grad
        return torch.stack(feats)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(6, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.encoder(x))


X = torch.randn(32, 6)
Y = torch.randint(0, 3, (32,))
loader = DataLoader(TensorDataset(X, Y), batch_size=8)
model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(2):
    for xb, yb in loader:
        optimizer.zero_grad()
        out = model(xb)
        loss = F.cross_entropy(out, yb)
        loss.backward()
        optimizer.step()
