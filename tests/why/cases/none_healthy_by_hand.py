"""autograd.grad and an update by hand: nobody needs .grad."""

import torch

w = torch.zeros(2, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
x, y = torch.randn(12, 2), torch.randn(12)
for _ in range(3):
    loss = ((x @ w + b - y) ** 2).mean()
    grad_w, grad_b = torch.autograd.grad(loss, [w, b])
    with torch.no_grad():
        w -= 0.1 * grad_w
        b -= 0.1 * grad_b
