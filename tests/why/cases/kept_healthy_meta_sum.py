"""The sum of the query losses grows over the updates of the tasks, and is used then."""

import copy

import torch
from torch import nn

meta = nn.Linear(3, 1)
meta_optimizer = torch.optim.SGD(meta.parameters(), lr=1e-2)
for iteration in range(3):
    meta_loss, learners = torch.zeros(()), []
    for task in range(5):
        learner = copy.deepcopy(meta)
        inner = torch.optim.SGD(learner.parameters(), lr=0.05)
        x = torch.randn(6, 3)
        loss = (learner(x) - x.sum(1, keepdim=True)).pow(2).mean()
        inner.zero_grad()
        loss.backward()
        inner.step()
        query = torch.randn(6, 3)
        meta_loss = meta_loss + learner(query).pow(2).mean()
        learners.append(learner)
    meta_loss.backward()
    meta_optimizer.zero_grad()
    meta.weight.grad = sum(learner.weight.grad for learner in learners)
    meta.bias.grad = sum(learner.bias.grad for learner in learners)
    meta_optimizer.step()
