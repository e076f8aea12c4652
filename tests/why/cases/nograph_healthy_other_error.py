"""Another error ends it: that is not what this question is about."""

import torch

w = torch.ones(3, requires_grad=True)
loss = (w * 2).detach().sum()
raise ValueError(f"the loss is {loss.item()}")
