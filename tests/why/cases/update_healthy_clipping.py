"""Clipping that bites in every step, to a tenth of what arrives and less."""

import torch
from torch import nn

rnn, head = nn.RNN(3, 8), nn.Linear(8, 1)
params = [*rnn.parameters(), *head.parameters()]
optimizer = torch.optim.SGD(params, lr=0.01)
for _ in range(5):
    out, _ = rnn(torch.randn(7, 4, 3))
    loss = 50 * nn.functional.mse_loss(head(out[-1]), 3 * torch.randn(4, 1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(params, 0.5)
    optimizer.step()
