"""MSELoss(reduction='sum') with the learning rate of a mean."""

import torch
from torch import nn

x = torch.linspace(-1, 1, 50).unsqueeze(1)
y = 2 * x + 0.5
model = nn.Linear(1, 1)
criterion = nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(6):
    optimizer.zero_grad()
    loss = criterion(model(x), y)  # finds: summed-loss
    loss.backward()
    optimizer.step()
    print(epoch, loss.item())
