"""The optimizer has the parameters of a model of which a copy is trained."""

import copy

import torch
from torch import nn


def fit(model, optimizer, x, y, epochs):
    for _ in range(epochs):
        prediction = model(x)
        loss = nn.functional.mse_loss(prediction, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


base = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
opt = torch.optim.Adam(base.parameters(), lr=1e-2)  # finds: replaced-parameter
client = copy.deepcopy(base)
fit(client, opt, torch.randn(8, 4), torch.randn(8, 1), epochs=3)
