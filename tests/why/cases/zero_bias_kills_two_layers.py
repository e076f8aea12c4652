"""An initialisation with biases of -10 in front of ReLUs."""

import torch
import torch.nn as nn


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
        m.bias.data.fill_(-10)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 8)
        self.fc3 = nn.Linear(8, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))  # finds: dead-relu
        return self.fc3(x)


net = MLP()
net.apply(init_weights)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
xs = torch.rand(64, 4)
ys = xs.sum(1, keepdim=True)
for i in range(6):
    loss = nn.MSELoss()(net(xs), ys)
    opt.zero_grad()
    loss.backward()
    opt.step()
