"""The hidden state is never detached; retain_graph=True made the error go away."""

import torch
from torch import nn

rnn = nn.RNN(input_size=3, hidden_size=5, batch_first=True)
head = nn.Linear(5, 1)
params = list(rnn.parameters()) + list(head.parameters())
criterion = nn.MSELoss()
learning_rate = 1e-3

hidden = torch.zeros(1, 2, 5)
for step in range(6):
    inputs, target = torch.randn(2, 4, 3), torch.randn(2, 1)
    output, hidden = rnn(inputs, hidden)  # finds: kept-graph
    loss = criterion(head(output[:, -1]), target)
    loss.backward(retain_graph=True)
    for p in params:
        p.data.add_(p.grad.data, alpha=-learning_rate)
        p.grad = None
