"""backward() of a vector, as in the lecture on the vector-Jacobian product."""

import torch

x = torch.tensor([-0.8022, 1.0610, 1.1878], requires_grad=True)
y = x + 2
c = y * y * 2
c.backward()  # finds: not-scalar
