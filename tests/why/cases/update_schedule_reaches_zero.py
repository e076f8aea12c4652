"""The schedule counts epochs, but it is stepped with every batch: it is over early."""

import torch
from torch import nn
from torch.optim.lr_scheduler import PolynomialLR

EPOCHS = 4

model = nn.Linear(5, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = PolynomialLR(opt, total_iters=EPOCHS, power=1.0)  # finds: zero-lr
loss_fn = nn.CrossEntropyLoss()
X, y = torch.randn(12, 5), torch.arange(12) % 2

for epoch in range(EPOCHS):
    for xb, yb in zip(X.split(6), y.split(6)):
        opt.zero_grad()
        loss_fn(model(xb), yb).backward()
        opt.step()
        scheduler.step()
