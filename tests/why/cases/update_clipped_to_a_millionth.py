"""The limit of the gradient's norm is far too small."""

import torch
from torch import nn

model = nn.LSTM(input_size=3, hidden_size=5, batch_first=True)
head = nn.Linear(5, 1)
params = list(model.parameters()) + list(head.parameters())
optimizer = torch.optim.SGD(params, lr=0.1)

for step in range(4):
    seq, target = torch.randn(4, 6, 3), torch.randn(4, 1)
    out, _ = model(seq)
    loss = nn.functional.mse_loss(head(out[:, -1]), target)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(params, max_norm=1e-6)  # finds: clipped-to-nothing
    optimizer.step()
