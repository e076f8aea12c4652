"""Adam with eps=0: a weight whose gradient is 0 moves by 0/0."""

import torch

w = torch.tensor([1.0, 2.0], requires_grad=True)
x = torch.tensor([3.0, 0.0])
optimizer = torch.optim.Adam([w], lr=0.1, eps=0.0)
for _ in range(2):
    loss = (w * x).sum() ** 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()  # finds: nan
