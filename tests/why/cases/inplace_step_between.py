"""The optimizer's step comes between two backwards through the same layers."""

import torch
from torch import nn

encoder, decoder = nn.Linear(4, 3), nn.Linear(3, 4)
params = [*encoder.parameters(), *decoder.parameters()]
opt = torch.optim.SGD(params, lr=0.1)
x = torch.randn(8, 4)
code = encoder(x)
recon = decoder(code)
recon_loss = ((recon - x) ** 2).mean()
smooth_loss = recon.abs().mean()
opt.zero_grad()
recon_loss.backward(retain_graph=True)
opt.step()  # finds: inplace-modified
smooth_loss.backward()
opt.step()
