"""A model keeps the state of its LSTM, with its graph."""

import torch
import torch.nn as nn


class LSTMTagger(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.lstm = nn.LSTM(n_in, n_hidden, batch_first=True)
        self.fc = nn.Linear(n_hidden, n_out)
        self.hidden = self.init_hidden(4, n_hidden)

    def init_hidden(self, batch, n):
        return (torch.zeros(1, batch, n), torch.zeros(1, batch, n))

    def forward(self, x):
        out, self.hidden = self.lstm(x, self.hidden)  # finds: second-backward
        return self.fc(out)


model = LSTMTagger(3, 5, 2)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for i in range(2):
        x = torch.randn(4, 6, 3)
        y = torch.randint(0, 2, (4, 6))
        optimizer.zero_grad()
        out = model(x)
        loss = criterion(out.reshape(-1, 2), y.reshape(-1))
        loss.backward()
        optimizer.step()
