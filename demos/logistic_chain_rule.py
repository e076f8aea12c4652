"""Logistic regression: the chain rule from the loss to the weight, then training.

What to look at: in the variables style every arrow carries one factor of the chain
rule. From the loss back to the weight they are ∂L/∂a = −1.1496, ∂a/∂z = 0.1132,
∂z/∂u = 1 and ∂u/∂w₁ = 3.7, and their product is ∂L/∂w₁ = −0.4814. Over the 100 steps
of training the gradients shrink, because a comes close to the label y = 1.
"""

import torch
import torch.nn.functional as F

x_1 = torch.tensor([3.7])
y = torch.tensor([1.0])
w_1 = torch.tensor([0.5], requires_grad=True)
b = torch.tensor([0.05], requires_grad=True)
optimizer = torch.optim.SGD([w_1, b], lr=0.1)

for _step in range(100):
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)

    optimizer.zero_grad()
    l.backward()
    optimizer.step()

print(f"after 100 steps: w_1 = {w_1.item():.6f}, b = {b.item():.6f}")
