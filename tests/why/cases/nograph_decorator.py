"""A method that was written for inference is used for training."""

import torch
from torch import nn


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x)

    @torch.no_grad()  # finds: no-graph
    def predict(self, x):
        return self(x).squeeze(1)


model = Regressor()
x, y = torch.randn(7, 3), torch.randn(7)
loss = (model.predict(x) - y).pow(2).mean()
loss.backward()
