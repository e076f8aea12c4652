"""The backbone is frozen on purpose and is not in the optimizer."""

import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.fc = nn.Linear(6, 2)

    def forward(self, x):
        return self.fc(self.backbone(x))


model = Classifier(nn.Sequential(nn.Linear(4, 6), nn.ReLU()))
for param in model.backbone.parameters():
    param.requires_grad = False
optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1, momentum=0.9)
for _ in range(4):
    optimizer.zero_grad()
    out = model(torch.randn(10, 4))
    loss = nn.functional.cross_entropy(out, torch.arange(10) % 2)
    loss.backward()
    optimizer.step()
