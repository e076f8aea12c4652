"""A logger made of a closure keeps what it was given."""

import torch
from torch import nn


def make_logger(every):
    seen = []

    def log(step, value):
        seen.append((step, value))  # finds: kept-graph
        if len(seen) % every == 0:
            print(step, sum(v.item() for _, v in seen[-every:]) / every)

    return log


def main():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    opt = torch.optim.RMSprop(net.parameters(), lr=0.003)
    log = make_logger(every=2)
    for step in range(6):
        batch = torch.randn(7, 3)
        loss = net(batch).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        log(step, loss)


main()
