"""Sums save nothing: their graph takes a second backward as it is."""

import torch

w = torch.ones(3, requires_grad=True)
total = (w + 1).sum()
total.backward()
total.backward()
