"""A hinge loss that a Python loop computes of numbers."""

import torch
import torch.nn as nn


def hinge(scores, y):
    margins = []
    for s, t in zip(scores.tolist(), y.tolist()):  # finds: no-graph
        margins.append(max(0.0, 1 - t * s[0]))
    return torch.tensor(margins).mean()


svm = nn.Linear(3, 1)
opt = torch.optim.SGD(svm.parameters(), lr=0.01, weight_decay=1e-3)
X = torch.randn(20, 3)
Y = torch.sign(X[:, 0])
for epoch in range(2):
    opt.zero_grad()
    loss = hinge(svm(X), Y)
    loss.backward()
    opt.step()
