"""A physics-informed network that LBFGS trains through a closure."""

import torch
import torch.nn as nn

torch.manual_seed(0)
x = torch.linspace(0, 1, 30).unsqueeze(1).requires_grad_(True)
net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
opt = torch.optim.LBFGS(
    net.parameters(), lr=0.5, max_iter=5, line_search_fn="strong_wolfe"
)


def residual():
    u = net(x)
    ux = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]
    uxx = torch.autograd.grad(ux, x, torch.ones_like(ux), create_graph=True)[0]
    return uxx + u


def closure():
    opt.zero_grad()
    pde = residual().pow(2).mean()
    bc = (net(torch.zeros(1, 1)) - 0).pow(2).mean() + (net(torch.ones(1, 1)) - 1).pow(
        2
    ).mean()
    loss = pde + 10 * bc
    loss.backward()
    return loss


for it in range(3):
    opt.step(closure)
