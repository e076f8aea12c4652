"""The evaluation freezes the encoder and never lets it go again."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(6, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.encoder(x)))


def evaluate(model, x):
    model.eval()
    for p in model.encoder.parameters():
        p.requires_grad = False  # finds: frozen-update
    return model(x).argmax(dim=1)


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
X, Y = torch.randn(16, 6), torch.arange(16) % 2

for epoch in range(3):
    model.train()
    for xb, yb in zip(X.split(8), Y.split(8)):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    evaluate(model, X)
