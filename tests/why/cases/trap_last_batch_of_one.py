"""33 samples in batches of 8: the last batch has one, and BatchNorm refuses it."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

data = TensorDataset(torch.randn(33, 4), torch.randn(33, 1))
loader = DataLoader(data, batch_size=8)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for xb, yb in loader:
    prediction = model(xb)  # finds: one-sample-batch-norm
    loss = ((prediction - yb) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
