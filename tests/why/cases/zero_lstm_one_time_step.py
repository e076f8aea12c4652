"""A table goes into an LSTM as sequences of one time step each."""

import torch
from torch import nn


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(input_size=4, hidden_size=8, batch_first=True)
        self.linear = nn.Linear(8, 1)

    def forward(self, x):
        x = x.unsqueeze(1)
        out, (h_n, c_n) = self.lstm(x)  # finds: zero-grad
        return self.linear(out[:, -1, :])


model = Forecast()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
table, target = torch.randn(16, 4), torch.randn(16, 1)
for epoch in range(4):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(table), target)
    loss.backward()
    optimizer.step()
