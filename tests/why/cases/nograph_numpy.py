"""The loss is computed in NumPy."""

import numpy as np
import torch
from torch import nn

model = nn.Linear(4, 1)
x, y = torch.randn(6, 4), np.ones((6, 1))
prediction = model(x).detach().numpy()  # finds: no-graph
error = np.mean((prediction - y) ** 2)
loss = torch.tensor(error)
loss.backward()
