"""The KL term of a VAE: exp of a log-variance that nobody bounds."""

import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mu = nn.Linear(3, 2)
        self.logvar = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.mu(x), self.logvar(x)


torch.manual_seed(0)
encoder = Encoder()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.01)
batches = [torch.ones(2, 3), torch.full((2, 3), -400.0), torch.ones(2, 3)]
for x in batches:
    mu, logvar = encoder(x)
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1)  # finds: inf
    loss = kl.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
