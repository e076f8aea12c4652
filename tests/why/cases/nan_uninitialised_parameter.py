"""A parameter made of torch.empty that nobody fills.

The memory may hold anything. Torch is told to fill it with NaN, so that it always does.
"""

import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(3))  # finds: nan

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


torch.use_deterministic_algorithms(True)
model = Scale()
torch.use_deterministic_algorithms(False)
loss = model(torch.ones(2, 3)).mean()
loss.backward()
