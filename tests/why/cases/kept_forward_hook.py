"""A forward hook collects the activations of a layer, and nobody empties the list."""

import torch
from torch import nn

activations = []


def save_activation(_module, _inputs, output):
    activations.append(output)  # finds: kept-graph


model = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)
)
model[0].register_forward_hook(save_activation)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for step in range(6):
    images = torch.randn(5, 1, 8, 8)
    labels = torch.randint(0, 2, (5,))
    loss = nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
