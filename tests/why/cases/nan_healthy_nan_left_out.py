"""Missing labels are NaN; they are left out before the error is computed."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(2, 1)
x = torch.randn(4, 2)
y = torch.tensor([1.0, float("nan"), 2.0, float("nan")])
is_known = ~y.isnan()
error = (model(x).squeeze(1)[is_known] - y[is_known]) ** 2
loss = error.mean()
loss.backward()
