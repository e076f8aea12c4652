"""sample() instead of rsample(): no gradient comes back to the encoder."""

import torch
from torch import nn
from torch.distributions import Normal


class Sampler(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(4, 2)
        self.decode = nn.Linear(2, 4)

    def forward(self, x):
        z = Normal(self.mean(x), 1.0).sample()  # finds: none-grad
        return self.decode(z)


model = Sampler()
optimizer = torch.optim.Adam(model.parameters())
x = torch.randn(5, 4)
for _ in range(2):
    optimizer.zero_grad()
    loss = (model(x) - x).pow(2).mean()
    loss.backward()
    optimizer.step()
