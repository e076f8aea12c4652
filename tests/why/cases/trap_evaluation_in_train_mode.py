"""no_grad() alone does not switch dropout and batch normalisation off."""

import torch
from torch import nn

model = nn.Sequential(
    nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))
x_test, y_test = torch.randn(16, 4), torch.randint(0, 2, (16,))

for _ in range(3):
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()

with torch.no_grad():
    scores = model(x_test)  # finds: train-mode-evaluation
    accuracy = (scores.argmax(dim=1) == y_test).float().mean().item()
print(accuracy)
