"""logsumexp of scores some of which are −inf: the rest counts."""

import torch

torch.manual_seed(0)
scores = torch.randn(3, 4, requires_grad=True)
allowed = torch.tensor([True, True, False, True])
masked = scores.masked_fill(~allowed, float("-inf"))
log_z = torch.logsumexp(masked, dim=1)
loss = (log_z - scores[:, 0]).mean()
loss.backward()
