"""Copy and paste: the second layer uses the first weight again."""

import torch


def train(steps):
    w1 = torch.randn(4, 4, requires_grad=True)
    b1 = torch.zeros(4, requires_grad=True)
    w2 = torch.randn(4, 4, requires_grad=True)  # finds: none-grad
    b2 = torch.zeros(4, requires_grad=True)
    params = [w1, b1, w2, b2]
    optimizer = torch.optim.SGD(params, lr=0.1)
    x, y = torch.randn(10, 4), torch.randn(10, 4)
    for _ in range(steps):
        hidden = torch.tanh(x @ w1 + b1)
        out = hidden @ w1 + b2
        loss = ((out - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


train(2)
