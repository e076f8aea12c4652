"""A linear SVM: once all margins are kept, the hinge loss asks for nothing more."""

import torch

x = torch.tensor([[2.0, 0.0], [3.0, 1.0], [-2.0, 0.5], [-3.0, -1.0]])
y = torch.tensor([1.0, 1.0, -1.0, -1.0])
w = torch.tensor([1.0, 0.0], requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for _ in range(4):
    margin = y * (x @ w + b)
    loss = torch.clamp(1 - margin, min=0).mean() + 0.001 * (w**2).sum()
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad = None
