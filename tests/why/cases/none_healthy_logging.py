"""detach() and item() for the log, beside the way to the loss."""

import torch
from torch import nn

model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(9, 4), torch.randint(0, 2, (9,))
history, total = [], 0.0
for epoch in range(3):
    out = model(x)
    loss = nn.functional.cross_entropy(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total += loss.item()
    history.append(out.detach().mean())
    accuracy = (out.argmax(dim=1) == y).float().mean().item()
    with torch.no_grad():
        norm = sum(p.norm() for p in model.parameters())
    print(epoch, total, accuracy, norm)
