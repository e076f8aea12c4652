"""Which memory a gradient lies in: what was read once need not be read again.

Separate, because these are questions about addresses, strides and versions alone.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from graphscope.capture.kernel import NATIVE
from graphscope.capture.tensors import PLAIN_TYPES


def is_same_block(
    gradient: torch.Tensor, other: torch.Tensor, *, is_whole: bool
) -> bool:
    """Whether two tensors that begin at the same address have the same elements.

    With `is_whole` also in the same order.
    """
    if gradient.is_conj() != other.is_conj() or gradient.is_neg() != other.is_neg():
        return False  # the same memory, read with other signs
    if gradient.shape == other.shape and gradient.stride() == other.stride():
        return True
    if is_whole:
        return False
    return is_dense(gradient) and is_dense(other)


def is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements fill their memory without holes, in whatever order."""
    if tensor.is_contiguous():
        return True
    room = 1
    axes = zip(tensor.stride(), tensor.shape, strict=True)
    for stride, size in sorted(axis for axis in axes if axis[1] != 1):
        if stride != room:
            return False
        room *= size
    return True


def identity_of(gradient: torch.Tensor) -> tuple[int, int, Any]:
    """Return address, version and shape; zeros for tensors that have none."""
    if type(gradient) not in PLAIN_TYPES or gradient.is_nested:
        return 0, 0, None
    return address_of(gradient), gradient._version, gradient.shape


def plain_address_of(gradient: torch.Tensor) -> int:
    """Return the address of the numbers, 0 for tensors that have none to compare."""
    if type(gradient) not in PLAIN_TYPES:
        return 0
    if gradient.layout is not torch.strided or gradient.is_nested:
        return 0
    try:
        return gradient.data_ptr()
    except RuntimeError:  # inside a function transform
        return 0


address_of: Final[Callable[[torch.Tensor], int]] = (
    plain_address_of if NATIVE is None else NATIVE.address_of
)


def has_memory(tensor: torch.Tensor) -> bool:
    """Whether the storage of a tensor holds it; sharding frees it for a while.

    A tensor of zeros that autograd never allocated holds its numbers as well.
    """
    if tensor._is_zerotensor() or not tensor.numel():
        return True
    last = sum(
        stride * (size - 1)
        for stride, size in zip(tensor.stride(), tensor.shape, strict=True)
    )
    end = (tensor.storage_offset() + last + 1) * tensor.element_size()
    return tensor.untyped_storage().nbytes() >= end
