"""running_loss adds up tensors, so the graph of every batch hangs on it."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 16)
        self.fc2 = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


def train_one_epoch(net, loader, optimizer):
    running_loss = 0.0
    for i, (inputs, labels) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss  # finds: kept-graph
    return running_loss / (i + 1)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
loader = [(torch.randn(4, 8), torch.randint(0, 3, (4,))) for _ in range(6)]
print(train_one_epoch(net, loader, optimizer))
