"""A recurrence writes each state into one tensor from which it reads the last one."""

import torch

W = torch.randn(3, 3, requires_grad=True)
states = torch.zeros(5, 3)
for t in range(4):
    states[t + 1] = torch.tanh(states[t] @ W)  # finds: inplace-modified
loss = states.sum()
loss.backward()
