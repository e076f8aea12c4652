"""torch.where leaves out log(0), but its gradient comes back as 0 · ∞."""

import torch

x = torch.tensor([0.0, 0.5, 2.0], requires_grad=True)
safe = torch.zeros(3)
y = torch.where(x > 0, torch.log(x), safe)  # finds: nan
loss = y.sum()
loss.backward()
print(x.grad)
