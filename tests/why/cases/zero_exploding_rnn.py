"""A recurrent network by hand whose hidden state grows at every time step."""

import torch
import torch.nn.functional as F

hidden, steps = 32, 12
W_xh = torch.randn(4, hidden, requires_grad=True)
W_hh = torch.randn(hidden, hidden, requires_grad=True)
W_hy = torch.randn(hidden, 1, requires_grad=True)
optimizer = torch.optim.SGD([W_xh, W_hh, W_hy], lr=0.01)
for epoch in range(4):
    x, y = torch.randn(8, steps, 4), torch.randn(8, 1)
    h = torch.zeros(8, hidden)
    for t in range(steps):
        h = torch.relu(x[:, t] @ W_xh + h @ W_hh)  # finds: exploding-grad
    loss = F.mse_loss(h @ W_hy, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(epoch, loss.item())
