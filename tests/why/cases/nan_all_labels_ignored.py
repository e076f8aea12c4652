"""A batch in which every label is the padding that cross_entropy ignores."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [torch.tensor([0, 2, -100]), torch.tensor([-100, -100, -100])]
for labels in batches:
    scores = model(torch.randn(3, 4))
    loss = F.cross_entropy(scores, labels)  # finds: nan
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
