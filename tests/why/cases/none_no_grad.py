"""torch.no_grad() around too much: copied over from the evaluation code."""

import torch

torch.manual_seed(1)
x = torch.randn(20, 3)
y = torch.randn(20)
w1 = torch.randn(3, 4, requires_grad=True)
w2 = torch.randn(4, requires_grad=True)
optimizer = torch.optim.SGD([w1, w2], lr=0.01)

for epoch in range(2):
    with torch.no_grad():  # finds: none-grad
        hidden = torch.tanh(x @ w1)
    pred = hidden @ w2
    loss = ((pred - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
