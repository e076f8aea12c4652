"""A derivative of a derivative, without the ones that the first had."""

import torch

net = torch.nn.Sequential(
    torch.nn.Linear(1, 10), torch.nn.Tanh(), torch.nn.Linear(10, 1)
)
t = torch.linspace(0, 1, 11).view(-1, 1).requires_grad_(True)
optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
for i in range(3):
    u = net(t)
    dudt = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    d2udt2 = torch.autograd.grad(dudt, t, create_graph=True)[0]  # finds: not-scalar
    loss = torch.mean((d2udt2 + u) ** 2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
