"""Dropout on at test time on purpose: the spread of 10 answers (MC dropout)."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x = torch.randn(32, 2)
y = x.sum(dim=1, keepdim=True)
for _ in range(3):
    loss = (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    answers = torch.stack([model(x) for _ in range(10)])
print(answers.mean(dim=0)[0].item(), answers.std(dim=0)[0].item())
