"""Variable(loss.data, requires_grad=True): backward runs, and nothing learns."""

import torch
from torch import nn
from torch.autograd import Variable

model = nn.Linear(2, 1)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
x = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
t = torch.tensor([[1.0], [0.0], [1.0]])
for i in range(3):
    y = model(x)
    loss = criterion(y, t)
    loss = Variable(loss.data, requires_grad=True)  # finds: none-grad
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
