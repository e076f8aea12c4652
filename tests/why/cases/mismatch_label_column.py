"""Labels as a column, one more axis than cross_entropy takes."""

import torch
import torch.nn.functional as F

logits = torch.randn(5, 3, requires_grad=True)
labels = torch.tensor([[0], [2], [1], [1], [0]])
loss = F.cross_entropy(logits, labels)  # finds: mismatch
