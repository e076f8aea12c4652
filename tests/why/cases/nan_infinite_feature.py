"""A feature that is infinite in the data: a division in NumPy made it so."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
with np.errstate(divide="ignore"):
    rate = np.array([4.0, 6.0, 8.0]) / np.array([2.0, 0.0, 4.0])
x = torch.from_numpy(rate).float().unsqueeze(1)  # finds: inf
model = nn.Linear(1, 1)
loss = model(x).mean()
loss.backward()
