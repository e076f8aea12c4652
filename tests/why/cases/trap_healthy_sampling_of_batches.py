"""Dropout on at test time, for every batch of a loader ten times (MC dropout)."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x = torch.randn(32, 2)
y = x.sum(dim=1, keepdim=True)
for _ in range(3):
    loss = (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def predict(batch, times=10):
    answers = torch.stack([model(batch) for _ in range(times)])
    return answers.mean(dim=0), answers.std(dim=0)


spreads = []
for batch, _ in DataLoader(TensorDataset(x, y), batch_size=8):
    mean, spread = predict(batch)
    spreads.append(spread.mean().item())
first, spread = predict(x[:4])
print(sum(spreads) / len(spreads), first[0].item())
