"""Both states of an LSTM cell are kept between the steps of training."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(2, 3)
        self.out = nn.Linear(3, 1)

    def forward(self, x, h, c):
        h, c = self.cell(x, (h, c))  # finds: second-backward
        return self.out(h), h, c


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
h, c = torch.zeros(4, 3), torch.zeros(4, 3)
for _ in range(3):
    y, h, c = model(torch.randn(4, 2), h, c)
    loss = y.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
