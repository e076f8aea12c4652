"""Variables and a dictionary hold the last step's tensors until the next ones come."""

from collections import deque

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.last_output = None

    def forward(self, x):
        self.last_output = self.fc(x).tanh()
        return self.last_output.sum(1)


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
metrics, previous = {}, None
recent = deque(maxlen=2)
for step in range(8):
    output = model(torch.randn(3, 4))
    loss = (output - 1).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    metrics["loss"], metrics["output"] = loss, output
    if previous is not None:
        print((output - previous).abs().mean().item())
    previous = output
    recent.append(loss)
