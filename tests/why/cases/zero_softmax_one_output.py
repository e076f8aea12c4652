"""Binary classification with one output and nn.Softmax(dim=1) behind it."""

import torch
from torch import nn

net = nn.Sequential(
    nn.Linear(5, 10),
    nn.ReLU(),
    nn.Linear(10, 1),
    nn.Softmax(dim=1),
)
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
data = torch.randn(12, 5)
target = torch.randint(0, 2, (12, 1)).float()
for epoch in range(2):
    optimizer.zero_grad()
    output = net(data)  # finds: zero-grad
    loss = criterion(output, target)
    loss.backward()
    optimizer.step()
