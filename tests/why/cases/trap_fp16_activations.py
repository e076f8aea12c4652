"""A model in half precision whose second layer squares what is too large already."""

import torch
from torch import nn


class Squares(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x  # finds: fp16-overflow


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), Squares(), nn.Linear(8, 1)).half()
x = torch.full((2, 4), 300.0, dtype=torch.float16)
out = model(x)
loss = out.float().mean()
loss.backward()
