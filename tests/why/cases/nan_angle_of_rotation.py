"""The angle between two directions that are the same: acos at 1."""

import torch

a = torch.tensor([[1.0, 0.0], [0.6, 0.8]], requires_grad=True)
b = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
cosine = (a * b).sum(dim=1)
angle = torch.acos(cosine)  # finds: inf
loss = angle.mean()
loss.backward()
