"""Linear regression on house prices: the five steps of one training iteration.

What to look at: step 0 is one iteration written out by hand, in the five numbered
steps 1 prediction, 2 loss, 3 zero the gradients, 4 backward, 5 update. The other 100
steps are the same five, with an optimizer, over four houses at once: watch the loss
fall from 72.37 to 0.1052, nearly all of it in the first ten epochs.
"""

import torch

# One house: area 6.7, price 9.1.
x = torch.tensor(6.7)
y = torch.tensor(9.1)
w = torch.tensor(-0.34, requires_grad=True)
b = torch.tensor(0.04, requires_grad=True)

y_hat = x * w + b  # 1 prediction
loss = (y_hat - y) ** 2  # 2 loss
w.grad = None  # 3 zero the gradients
b.grad = None
loss.backward()  # 4 backward
with torch.no_grad():  # 5 update
    w -= 0.01 * w.grad
    b -= 0.01 * b.grad

print(f"after one house: w = {w.item():.6f}, b = {b.item():.6f}")

# Four houses, from the same start.
X = torch.tensor([6.7, 4.6, 3.5, 5.5])
Y = torch.tensor([9.1, 5.9, 4.6, 6.7])
w = torch.tensor(-0.34, requires_grad=True)
b = torch.tensor(0.04, requires_grad=True)
optimizer = torch.optim.SGD([w, b], lr=0.01)

for _epoch in range(100):
    y_hat = X * w + b  # 1 prediction
    loss = ((y_hat - Y) ** 2).mean()  # 2 loss
    optimizer.zero_grad()  # 3 zero the gradients
    loss.backward()  # 4 backward
    optimizer.step()  # 5 update

print(f"after 100 epochs: w = {w.item():.6f}, b = {b.item():.7f}")
