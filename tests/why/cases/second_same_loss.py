"""One loss goes backward twice: once in a helper, once in the loop."""

import torch


def log_gradient(loss, w):
    loss.backward()
    return w.grad.norm().item()


x, y = torch.randn(10, 2), torch.randn(10)
w = torch.randn(2, requires_grad=True)
loss = ((x @ w - y) ** 2).mean()
norm = log_gradient(loss, w)
loss.backward()  # finds: second-backward
