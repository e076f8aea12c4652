"""The loss is made of predicted classes, not of scores."""

import torch
from torch import nn

net = nn.Linear(4, 3)
inputs, labels = torch.randn(8, 4), torch.randint(0, 3, (8,))
outputs = net(inputs)
predicted = torch.argmax(outputs, 1)  # finds: no-graph
loss = nn.functional.l1_loss(predicted.float(), labels.float())
loss.backward()
