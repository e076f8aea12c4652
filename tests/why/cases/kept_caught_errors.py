"""Errors are collected, and the traceback of each holds the variables of its step."""

import torch
from torch import nn

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
failures = []


def training_step(batch):
    prediction = model(batch)
    loss = prediction.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if loss.item() < 1e6:
        raise ValueError("this loss looks odd")


for number in range(6):
    try:
        training_step(torch.randn(5, 4))
    except ValueError as error:
        failures.append(error)  # finds: kept-graph
