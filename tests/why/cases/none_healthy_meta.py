"""MAML's inner step by autograd.grad: the fast weights are results on purpose."""

import torch

w = torch.randn(3, requires_grad=True)
meta = torch.optim.SGD([w], lr=0.01)
x, y = torch.randn(10, 3), torch.randn(10)
for _ in range(2):
    inner = ((x @ w - y) ** 2).mean()
    (g,) = torch.autograd.grad(inner, w, create_graph=True)
    fast = w - 0.1 * g
    outer = ((x @ fast - y) ** 2).mean()
    meta.zero_grad()
    outer.backward()
    meta.step()
