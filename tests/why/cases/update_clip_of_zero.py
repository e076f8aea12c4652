"""A clip value of 0, which was meant to say "do not clip"."""

import argparse

import torch
from torch import nn

args = argparse.Namespace(clip=0.0, lr=0.05)


def train_step(net, optimizer, x, y):
    optimizer.zero_grad()
    loss = nn.functional.l1_loss(net(x), y)
    loss.backward()
    nn.utils.clip_grad_value_(net.parameters(), args.clip)  # finds: clipped-to-nothing
    optimizer.step()
    return loss.item()


net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
for _ in range(3):
    train_step(net, optimizer, torch.randn(8, 4), torch.randn(8, 1))
