"""A mask of the valid places is built the wrong way round: it is 0 everywhere."""

import torch
from torch import nn

PAD = 0


def make_mask(tokens):
    return (tokens == PAD).float()


torch.manual_seed(1)
embedding = nn.Embedding(10, 4)
head = nn.Linear(4, 10)
optimizer = torch.optim.Adam([*embedding.parameters(), *head.parameters()], lr=0.01)
for _ in range(4):
    tokens = torch.randint(1, 10, (3, 5))
    mask = make_mask(tokens).unsqueeze(-1)
    hidden = embedding(tokens) * mask  # finds: zero-grad
    logits = head(hidden)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
