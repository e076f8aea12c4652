"""CrossEntropyLoss for a model with one output: the loss is always 0."""

import torch
import torch.nn.functional as F
from torch import nn


def train_step(model, inputs, labels, optimizer):
    outputs = model(inputs)
    loss = F.cross_entropy(outputs, labels)  # finds: zero-grad
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


model = nn.Linear(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
inputs, labels = torch.randn(8, 6), torch.zeros(8, dtype=torch.long)
for _ in range(3):
    print(train_step(model, inputs, labels, optimizer))
