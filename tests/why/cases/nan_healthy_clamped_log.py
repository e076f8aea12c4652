"""Probabilities that reach 0 are kept above it before the logarithm."""

import torch

torch.manual_seed(0)
scores = torch.tensor([[0.0, 0.5, -200.0], [1.0, 0.0, 0.2]], requires_grad=True)
p = torch.softmax(scores, dim=1).clamp(min=1e-8)
entropy = -(p * p.log()).sum(dim=1).mean()
loss = -entropy
loss.backward()
