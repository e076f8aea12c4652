"""An AverageMeter that is given the tensor, and not its number."""

import torch
from torch import nn


class AverageMeter:
    def __init__(self):
        self.reset()

    def reset(self):
        self.val = 0
        self.avg = 0
        self.sum = 0
        self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n  # finds: kept-graph
        self.count += n
        self.avg = self.sum / self.count


model = nn.Linear(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
meter = AverageMeter()
for i in range(6):
    data, target = torch.randn(8, 6), torch.randn(8, 1)
    loss = nn.functional.smooth_l1_loss(model(data), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    meter.update(loss, data.size(0))
