"""Tied weights and a residual connection: several paths, all of them meant."""

import torch
from torch import nn


class LanguageModel(nn.Module):
    def __init__(self, words=12, width=6):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.mix = nn.Linear(width, width)
        self.out = nn.Linear(width, words, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens):
        h = self.embed(tokens)
        h = h + torch.tanh(self.mix(h))
        h = h + torch.tanh(self.mix(h))
        return self.out(h)


model = LanguageModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(3):
    tokens = torch.randint(0, 12, (4, 5))
    logits = model(tokens[:, :-1]).reshape(-1, 12)
    loss = nn.functional.cross_entropy(logits, tokens[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
