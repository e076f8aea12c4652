"""A line through one point: ten steps of gradient descent by hand, every name in sight.

Try: graphscope run demos/live/linear_regression.py
"""

import torch

x, y = torch.tensor(6.7), torch.tensor(9.1)
w = torch.tensor(-0.34, requires_grad=True)
b = torch.tensor(0.04, requires_grad=True)

for step in range(10):
    p = x * w
    y_hat = p + b  # 1 prediction
    d = y_hat - y
    loss = d**2  # 2 loss
    w.grad = b.grad = None  # 3 zero the gradients
    loss.backward()  # 4 backward
    with torch.no_grad():  # 5 update
        w -= 0.001 * w.grad
        b -= 0.001 * b.grad
    print(f"step {step}: loss {loss.item():.4f}")
