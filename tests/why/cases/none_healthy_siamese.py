"""SimSiam: each view is the other's target, behind detach()."""

import torch
import torch.nn.functional as F
from torch import nn

encoder = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))
predictor = nn.Linear(4, 4)
optimizer = torch.optim.SGD([*encoder.parameters(), *predictor.parameters()], lr=0.05)
for _ in range(2):
    x = torch.randn(6, 4)
    z1, z2 = encoder(x + 0.1), encoder(x - 0.1)
    p1, p2 = predictor(z1), predictor(z2)
    loss = -F.cosine_similarity(p1, z2.detach()).mean() / 2
    loss = loss - F.cosine_similarity(p2, z1.detach()).mean() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
