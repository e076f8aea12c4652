"""The head is given to the optimizer twice, to be sure."""

import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Linear(4, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.backbone(x)))


model = Classifier()
params = list(model.parameters()) + list(model.head.parameters())
optimizer = torch.optim.SGD(params, lr=0.1)  # finds: repeated-parameter
for _ in range(2):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.arange(8) % 3)
    loss.backward()
    optimizer.step()
