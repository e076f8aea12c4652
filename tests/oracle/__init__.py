"""PyTorch's own operator test data, run bare and under capture, and compared.

Nothing here trusts graphscope: results are compared with a bare run, graphs with a
walk over `grad_fn`, numbers with tensors that the test itself has kept.
"""
