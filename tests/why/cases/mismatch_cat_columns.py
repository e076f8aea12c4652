"""Columns are put beside each other with cat's axis for rows."""

import torch

numeric = torch.randn(6, 3)
one_hot = torch.eye(6)[:, :2]
features = torch.cat([numeric, one_hot])  # finds: mismatch
