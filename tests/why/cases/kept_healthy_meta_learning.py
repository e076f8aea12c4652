"""The query losses of several tasks wait for the one backward of the meta update."""

import copy

import torch
from torch import nn

meta = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
meta_optimizer = torch.optim.Adam(meta.parameters(), lr=1e-3)
for iteration in range(2):
    query_losses, learners = [], []
    for task in range(5):
        learner = copy.deepcopy(meta)
        inner = torch.optim.SGD(learner.parameters(), lr=0.05)
        support, query = torch.randn(6, 2), torch.randn(6, 2)
        loss = (learner(support) - support.sum(1, keepdim=True)).pow(2).mean()
        inner.zero_grad()
        loss.backward()
        inner.step()
        query_loss = (learner(query) - query.sum(1, keepdim=True)).pow(2).mean()
        query_losses.append(query_loss)
        learners.append(learner)
    torch.stack(query_losses).mean().backward()
    meta_optimizer.zero_grad()
    for learner in learners:
        for p, q in zip(meta.parameters(), learner.parameters()):
            p.grad = q.grad if p.grad is None else p.grad + q.grad
    meta_optimizer.step()
