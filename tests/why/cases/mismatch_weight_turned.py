"""Weights as nn.Linear keeps them, one row for each output, without the .T."""

import torch

X = torch.randn(16, 4)
W = torch.randn(3, 4, requires_grad=True)
b = torch.zeros(3, requires_grad=True)
logits = X @ W + b  # finds: mismatch
