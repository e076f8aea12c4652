"""set_grad_enabled(False) at the top, and never on again."""

import torch
from torch import nn

model = nn.Linear(3, 2)
x = torch.randn(4, 3)
torch.set_grad_enabled(False)  # finds: no-graph
before = model(x).sum()
loss = model(x).pow(2).sum() + before
try:
    loss.backward()
finally:
    torch.set_grad_enabled(True)
