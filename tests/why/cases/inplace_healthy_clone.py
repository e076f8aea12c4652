"""A copy is changed, and the result that was saved stays as it is."""

import torch

logits = torch.randn(4, 5, requires_grad=True)
probs = torch.exp(logits)
masked = probs.clone()
masked[:, 0] = 0.0
loss = masked.sum(dim=1).log().mean()
loss.backward()
