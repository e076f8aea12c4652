"""torch's own norms have the gradient 0 at 0."""

import torch
import torch.nn.functional as F

x = torch.zeros(2, 3, requires_grad=True)
length = torch.linalg.vector_norm(x, dim=1)
spread = x.std()
direction = F.normalize(x, dim=1)
loss = length.mean() + spread + direction.sum() * 0.1 + torch.cdist(x, x).sum()
loss.backward()
