"""Hardest triplets by distances whose diagonal is 0."""

import torch
import torch.nn as nn


def pairwise_distances(emb):
    dot = emb @ emb.t()
    sq = dot.diagonal()
    d2 = sq[None, :] - 2.0 * dot + sq[:, None]
    d2 = d2.clamp(min=0.0)
    return torch.sqrt(d2)  # finds: nan


def batch_hard(emb, labels, margin=0.5):
    d = pairwise_distances(emb)
    same = labels[None] == labels[:, None]
    pos = (d * same.float()).max(1)[0]
    neg = (d + 1e3 * same.float()).min(1)[0]
    return torch.relu(pos - neg + margin).mean()


enc = nn.Linear(5, 4)
opt = torch.optim.SGD(enc.parameters(), lr=0.1)
x = torch.randn(12, 5)
labels = torch.arange(12) % 3
for _ in range(2):
    loss = batch_hard(torch.nn.functional.normalize(enc(x)), labels)
    opt.zero_grad()
    loss.backward()
    opt.step()
