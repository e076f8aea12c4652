"""The last batch is smaller than the state that was made for all of them."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class SentimentGRU(nn.Module):
    def __init__(self, v, d):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        self.gru = nn.GRU(d, d, batch_first=True)
        self.fc = nn.Linear(d, 1)

    def forward(self, x, h):
        out, h = self.gru(self.emb(x), h)  # finds: mismatch
        return self.fc(out[:, -1]).squeeze(1), h


batch_size = 4
ds = TensorDataset(torch.randint(0, 9, (10, 5)), torch.randint(0, 2, (10,)).float())
model = SentimentGRU(9, 6)
opt = torch.optim.Adam(model.parameters())
h = torch.zeros(1, batch_size, 6)
for x, y in DataLoader(ds, batch_size=batch_size):
    h = h.detach()
    logit, h = model(x, h)
    loss = nn.functional.binary_cross_entropy_with_logits(logit, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
