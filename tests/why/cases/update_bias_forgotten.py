"""Linear regression by hand; the optimizer gets the weight but not the bias."""

import torch

x = torch.linspace(-1, 1, 10)
y = 3 * x + 2

w = torch.randn(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)  # finds: not-updated

for i in range(5):
    y_hat = w * x + b
    loss = ((y_hat - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
