"""Missing labels are NaN, and the mask comes only after the error is computed."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(2, 1)
x = torch.randn(4, 2)
y = torch.tensor([1.0, float("nan"), 2.0, float("nan")])  # finds: nan
error = (model(x).squeeze(1) - y) ** 2
loss = error[~y.isnan()].mean()
loss.backward()
