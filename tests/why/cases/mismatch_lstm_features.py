"""A series has a feature less than the LSTM was made for."""

import torch
import torch.nn as nn


class Forecaster(nn.Module):
    def __init__(self, n_features=4, hidden=8):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, (h, c) = self.lstm(x)  # finds: mismatch
        return self.head(out[:, -1])


model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
series = torch.randn(16, 12, 3)
target = torch.randn(16, 1)
for epoch in range(2):
    pred = model(series)
    loss = nn.functional.mse_loss(pred, target)
    opt.zero_grad()
    loss.backward()
    opt.step()
