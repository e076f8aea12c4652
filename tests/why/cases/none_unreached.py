"""The auxiliary loss is computed and never added."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(4, 8)
        self.main = nn.Linear(8, 3)
        self.aux = nn.Linear(8, 3)

    def forward(self, x):
        h = torch.relu(self.trunk(x))
        return self.main(h), self.aux(h)


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(6, 4), torch.randint(0, 3, (6,))
for _ in range(2):
    logits, aux_logits = net(x)
    loss = F.cross_entropy(logits, y)
    aux_loss = 0.4 * F.cross_entropy(aux_logits, y)  # finds: none-grad
    opt.zero_grad()
    loss.backward()
    opt.step()
