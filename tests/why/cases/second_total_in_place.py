"""A running total of the losses, added up in place, goes backward."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
ds = TensorDataset(torch.randn(24, 5), torch.randint(0, 3, (24,)))
loader = DataLoader(ds, batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(5, 10), nn.Tanh(), nn.Linear(10, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

total_loss = 0
for epoch in range(2):
    for inputs, labels in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        total_loss += loss  # finds: second-backward
        total_loss.backward()
        optimizer.step()
    print(epoch, total_loss)
