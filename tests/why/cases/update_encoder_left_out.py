"""Two networks are trained together, but only one of them is in the optimizer."""

import torch
from torch import nn

encoder = nn.Sequential(nn.Linear(6, 4), nn.Tanh())
decoder = nn.Linear(4, 6)
optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)  # finds: not-updated
mse = nn.MSELoss()

data = torch.randn(20, 6)
for epoch in range(4):
    for batch in data.split(10):
        code = encoder(batch)
        rec = decoder(code)
        loss = mse(rec, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
