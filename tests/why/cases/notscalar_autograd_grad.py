"""torch.autograd.grad of several outputs without saying how much each counts."""

import torch

t = torch.linspace(0.0, 1.0, 5, requires_grad=True)
position = torch.sin(3.0 * t)
velocity = torch.autograd.grad(position, t)[0]  # finds: not-scalar
