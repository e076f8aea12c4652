"""Features that NumPy smooths on the way to the output."""

import numpy as np
import torch
import torch.nn as nn


class Spline(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 4))
        self.out = nn.Linear(4, 1)

    def smooth(self, h):
        k = np.ones(3) / 3
        arr = h.detach().cpu().numpy()  # finds: none-grad
        arr = np.apply_along_axis(lambda r: np.convolve(r, k, mode="same"), 1, arr)
        return torch.from_numpy(arr).float()

    def forward(self, x):
        return self.out(self.smooth(self.net(x)))


m = Spline()
opt = torch.optim.SGD(m.parameters(), lr=0.1)
crit = nn.MSELoss()
for _ in range(3):
    x = torch.randn(10, 2)
    loss = crit(m(x), x[:, :1])
    opt.zero_grad()
    loss.backward()
    opt.step()
