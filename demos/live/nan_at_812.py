"""A loss that becomes NaN at step 812: the logarithm of a number that reaches 0.

Try: graphscope run --headless --until has_nan demos/live/nan_at_812.py
"""

import torch

BAD_STEP = 812

torch.manual_seed(0)
w = torch.tensor([0.5, 0.5], requires_grad=True)
optimizer = torch.optim.SGD([w], lr=1e-3)
for step in range(1000):
    x = torch.rand(2) + 0.5
    if step == BAD_STEP:
        x = torch.zeros(2)  # the broken sample of the data set
    p = torch.sigmoid(w * x) * x
    log_p = torch.log(p)
    entropy = (p * log_p).sum()  # 0 · log 0 is NaN
    optimizer.zero_grad()
    entropy.backward()
    optimizer.step()
print("done")
