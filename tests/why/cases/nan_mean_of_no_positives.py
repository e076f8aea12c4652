"""The loss of the positive samples, in a batch without any."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(2, 1)
x = torch.randn(4, 2)
is_positive = torch.tensor([False, False, False, False])
error = (model(x).squeeze(1) - 1.0) ** 2
positive = error[is_positive].mean()  # finds: nan
loss = error.mean() + positive
loss.backward()
