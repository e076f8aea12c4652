"""Entries of a result are overwritten before its gradient was computed."""

import torch

logits = torch.randn(4, 5, requires_grad=True)
probs = torch.exp(logits)
probs[:, 0] = 0.0  # finds: inplace-modified
loss = probs.sum(dim=1).log().mean()
loss.backward()
