"""Rows of an embedding that are not looked up in a step get no gradient in it."""

import torch
from torch import nn

vocabulary = nn.Embedding(50, 8, padding_idx=0)
gru = nn.GRU(8, 8, batch_first=True)
out = nn.Linear(8, 50)
modules = nn.ModuleList([vocabulary, gru, out])
optimizer = torch.optim.Adam(modules.parameters(), lr=0.01)
for _ in range(3):
    tokens = torch.randint(1, 50, (4, 6))
    tokens[:, -1] = 0
    states, _ = gru(vocabulary(tokens[:, :-1]))
    logits = out(states)
    loss = nn.functional.cross_entropy(
        logits.reshape(-1, 50), tokens[:, 1:].reshape(-1), ignore_index=0
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
