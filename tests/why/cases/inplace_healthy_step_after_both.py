"""Both losses go back before the optimizer's step."""

import torch
from torch import nn

encoder, decoder = nn.Linear(4, 3), nn.Linear(3, 4)
opt = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)
x = torch.randn(8, 4)
for _ in range(3):
    recon = decoder(encoder(x))
    recon_loss = ((recon - x) ** 2).mean()
    smooth_loss = recon.abs().mean()
    opt.zero_grad()
    recon_loss.backward(retain_graph=True)
    smooth_loss.backward()
    opt.step()
