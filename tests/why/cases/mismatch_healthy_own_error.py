"""The program itself refuses a size; no call of torch failed."""

import torch


def check(batch):
    if batch.shape[1] != 4:
        raise ValueError(f"expected 4 features, got shape {list(batch.shape)}")


x = torch.randn(3, 5)
w = torch.randn(5, requires_grad=True)
(x @ w).sum().backward()
check(x)
