"""Attention over a batch in which one sequence is nothing but padding."""

import math

import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)

    def forward(self, x: torch.Tensor, is_padding: torch.Tensor) -> torch.Tensor:
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / math.sqrt(x.shape[-1])
        scores = scores.masked_fill(is_padding[:, None, :], float("-inf"))
        weights = torch.softmax(scores, dim=-1)  # finds: nan
        return weights @ v


torch.manual_seed(0)
attention = Attention(4)
x = torch.randn(2, 3, 4)
is_padding = torch.tensor([[False, False, True], [True, True, True]])
out = attention(x, is_padding)
loss = out[0].pow(2).mean()
loss.backward()
