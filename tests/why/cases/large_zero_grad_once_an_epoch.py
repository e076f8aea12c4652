"""zero_grad is called once for an epoch, but the update for every batch."""

import torch
from torch import nn

torch.manual_seed(3)
data = torch.utils.data.TensorDataset(torch.randn(12, 3), torch.randn(12, 1))
loader = torch.utils.data.DataLoader(data, batch_size=4)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(2):
    opt.zero_grad()
    for xb, yb in loader:
        nn.functional.mse_loss(net(xb), yb).backward()  # finds: missing-zero-grad
        opt.step()
