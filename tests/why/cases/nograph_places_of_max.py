"""A loss of predicted classes: the second result of torch.max."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
        self.fc = nn.Linear(4 * 8, 3)

    def forward(self, x):
        x = F.relu(self.conv(x)).flatten(1)
        x = self.fc(x)
        _, pred = torch.max(x, 1)  # finds: no-graph
        return pred.float()


net = Net()
opt = torch.optim.Adam(net.parameters())
signal, y = torch.randn(6, 1, 10), torch.randint(0, 3, (6,))
for _ in range(3):
    opt.zero_grad()
    loss = F.mse_loss(net(signal), y.float())
    loss.backward()
    opt.step()
