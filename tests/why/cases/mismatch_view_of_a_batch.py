"""A view with the size of another batch and image."""

import torch

pooled = torch.randn(4, 8, 5, 5)
rows = pooled.view(-1, 8 * 4 * 4)  # finds: mismatch
