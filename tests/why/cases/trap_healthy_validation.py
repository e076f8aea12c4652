"""Training and validation in turn, each in its mode."""

import torch
from torch import nn

model = nn.Sequential(
    nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))

for epoch in range(3):
    model.train()
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        correct = (model(x).argmax(dim=1) == y).sum().item()
    print(epoch, loss.item(), correct / len(y))
