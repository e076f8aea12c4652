"""Transfer learning: the last layer is exchanged when the optimizer exists already."""

import torch
from torch import nn


class Pretrained(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4, 100)

    def forward(self, x):
        h = torch.relu(self.conv(x)).mean(dim=(2, 3))
        return self.fc(h)


model = Pretrained()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)  # finds: replaced-parameter
model.fc = nn.Linear(4, 2)

criterion = nn.CrossEntropyLoss()
images, labels = torch.randn(6, 1, 8, 8), torch.tensor([0, 1, 0, 1, 0, 1])
for _ in range(3):
    optimizer.zero_grad()
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.step()
