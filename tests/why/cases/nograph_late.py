"""requires_grad_() comes after the computation."""

import torch

x = torch.tensor([1.0, 2.0])
y = (x**2).sum()
x.requires_grad_()  # finds: no-graph
y.backward()
