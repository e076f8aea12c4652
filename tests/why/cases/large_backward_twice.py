"""backward is called once to look at the gradients, and once more to train."""

import torch
from torch import nn

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.randn(6, 3), torch.randn(6, 1)
for step in range(3):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    print(step, model.weight.grad.norm())
    loss.backward()  # finds: repeated-backward
    optimizer.step()
