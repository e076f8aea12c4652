"""The squared errors are added up by hand, where the formula has their mean."""

import torch

torch.manual_seed(1)
area = torch.rand(40)
price = 3 * area + 1
w = torch.tensor(0.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
lr = 0.2
for epoch in range(6):
    y_pred = w * area + b
    loss = ((y_pred - price) ** 2).sum()  # finds: summed-loss
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    w.grad.zero_()
    b.grad.zero_()
