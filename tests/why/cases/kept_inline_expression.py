"""What is stored has no name of its own, and only every second step."""

import torch
from torch import nn, optim

encoder, decoder = nn.Linear(6, 2), nn.Linear(2, 6)
optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
embeddings = []

for step in range(9):
    sample = torch.rand(10, 6)
    reconstruction = decoder(encoder(sample))
    loss = nn.functional.mse_loss(reconstruction, sample)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 2 == 0:
        embeddings.append(encoder(sample[:1]))  # finds: kept-graph
