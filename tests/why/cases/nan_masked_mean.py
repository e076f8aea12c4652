"""The mean over the tokens that are no padding, in a batch with an empty sequence."""

import torch
from torch import nn

torch.manual_seed(0)
embedding = nn.Embedding(10, 4)
head = nn.Linear(4, 1)
tokens = torch.tensor([[3, 5, 0], [0, 0, 0]])
mask = (tokens != 0).float()
hidden = embedding(tokens) * mask.unsqueeze(-1)
pooled = hidden.sum(dim=1) / mask.sum(dim=1, keepdim=True)  # finds: nan
loss = head(pooled).pow(2).mean()
loss.backward()
