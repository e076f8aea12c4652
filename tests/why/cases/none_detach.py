"""A debugging detach() that stayed in: the encoder behind it learns nothing."""

import torch
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 4), nn.Tanh())
        self.decoder = nn.Linear(4, 8)

    def forward(self, x):
        code = self.encoder(x).detach()  # finds: none-grad
        return self.decoder(code)


model = Autoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
data = torch.randn(16, 8)
for epoch in range(3):
    output = model(data)
    loss = ((output - data) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
