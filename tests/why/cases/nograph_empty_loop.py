"""The loop over the data runs no round: total is still the tensor 0."""

import torch
from torch import nn

model = nn.Linear(3, 1)
data = torch.randn(4, 3)
batches = data.split(2)[3:]
total = torch.tensor(0.0)
for batch in batches:  # finds: no-graph
    total = total + model(batch).pow(2).mean()
total.backward()
