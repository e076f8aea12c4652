"""Distances of all points to each other: the root of 0 on the diagonal."""

import torch

points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], requires_grad=True)
difference = points[:, None, :] - points[None, :, :]
distance = difference.pow(2).sum(dim=-1).sqrt()  # finds: inf
loss = distance.mean()
loss.backward()
print(points.grad)
