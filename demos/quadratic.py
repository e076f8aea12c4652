"""The first autograd graph: z = 3x² + 2.

What to look at: the gradient of z walks back from + over * and (·)² to x. Each
operation multiplies it by its own derivative: dz/dy = 3, dy/dx = 2x = 4, and so
dz/dx = 3 · 4 = 12. The constants 3 and 2 get no gradient.
"""

import torch

x = torch.tensor(2.0, requires_grad=True)
y = x**2
z = 3 * y + 2
z.backward()

print("z =", z.item())
print("Gradient of z with respect to x:", x.grad)
