"""A mean for each row is taken off without an axis to broadcast along."""

import torch


def center(x):
    means = x.mean(dim=1)
    return x - means  # finds: mismatch


x = torch.randn(6, 4)
centered = center(x)
