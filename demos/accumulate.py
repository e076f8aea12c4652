"""Three backwards without zeroing: gradients add up in .grad.

What to look at: each backward brings the same gradient 3 to the weights, but .grad
reads 3, then 6, then 9, because nothing sets it back to zero in between. No update
closes the step, so all three passes are one step.
"""

import torch

weights = torch.ones(4, requires_grad=True)

for _pass in range(3):
    (weights * 3).sum().backward()
    print(weights.grad)
