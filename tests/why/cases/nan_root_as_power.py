"""The root of an error that becomes exactly 0, written as a power."""

import torch

w = torch.tensor(3.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
x = torch.tensor([1.0, 2.0])
y = 3.0 * x
for _ in range(3):
    mse = ((w * x - y) ** 2).mean()
    rmse = mse**0.5  # finds: inf
    optimizer.zero_grad()
    rmse.backward()
    optimizer.step()
