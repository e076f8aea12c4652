"""Only an evaluation: no loss, no backward, nothing is missing."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
model.eval()
x, y = torch.randn(20, 4), torch.randint(0, 2, (20,))
correct = 0
with torch.no_grad():
    for i in range(0, 20, 5):
        correct += (model(x[i : i + 5]).argmax(dim=1) == y[i : i + 5]).sum().item()
print(correct / 20)
