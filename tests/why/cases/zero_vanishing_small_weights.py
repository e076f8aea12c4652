"""Weights of 0.01 in every layer of a ReLU network."""

import torch
from torch import nn

layers = []
for _ in range(6):
    linear = nn.Linear(10, 10)
    nn.init.normal_(linear.weight, mean=0.0, std=0.01)
    layers += [linear, nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(10, 2))
scores = model(torch.randn(32, 10))  # finds: vanishing-grad
loss = nn.functional.cross_entropy(scores, torch.randint(0, 2, (32,)))
loss.backward()
