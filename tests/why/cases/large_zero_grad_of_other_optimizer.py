"""Two optimizers, and zero_grad of the first one twice."""

import torch
from torch import nn

encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)
opt_enc = torch.optim.SGD(encoder.parameters(), lr=0.01)
opt_dec = torch.optim.SGD(decoder.parameters(), lr=0.01)
x = torch.randn(8, 4)
for _ in range(3):
    opt_enc.zero_grad()
    opt_enc.zero_grad()
    loss = nn.functional.mse_loss(decoder(encoder(x)), x)
    loss.backward()  # finds: missing-zero-grad
    opt_enc.step()
    opt_dec.step()
