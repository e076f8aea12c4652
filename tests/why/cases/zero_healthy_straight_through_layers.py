"""Binary weights and rounded activations with gradients passed by."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class STE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x.abs() <= 1).float()


class BinLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, STE.apply(self.weight), self.bias)


class FakeQuant(nn.Module):
    def forward(self, x):
        return x + (torch.round(x * 8) / 8 - x).detach()


net = nn.Sequential(
    BinLinear(6, 16), nn.BatchNorm1d(16), nn.Hardtanh(), FakeQuant(), BinLinear(16, 3)
)
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(5):
    x, y = torch.randn(32, 6), torch.randint(0, 3, (32,))
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
