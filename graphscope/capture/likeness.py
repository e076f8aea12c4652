"""Whether a tensor is, but for its numbers, what a record of the last step says."""

from collections.abc import Callable, Sequence
from typing import Final

import torch

from graphscope.capture.kernel import NATIVE
from graphscope.capture.records import RawSlot, RawValue


def plain_is_like(value: RawValue, tensor: torch.Tensor) -> bool:
    """Whether `tensor` is what the record of a value says."""
    try:
        return (
            tensor.shape == value.shape
            and tensor.dtype is value.kind_of_number
            and tensor.requires_grad is value.requires_grad
            and tensor.is_leaf is value.is_leaf
            and tensor.device == value.place
        )
    except RuntimeError:  # a nested tensor has no shape
        return False


def is_alike(slot: RawSlot, tensor: torch.Tensor) -> bool:
    """Whether a slot is one for tensors of this shape and dtype."""
    try:
        return tensor.shape == slot.shape and tensor.dtype is slot.kind_of_number
    except RuntimeError:
        return False


def plain_are_alike(
    slots: Sequence[RawSlot], gradients: Sequence[torch.Tensor | None]
) -> bool:
    """Whether there is a slot for each of `gradients`, and each slot fits."""
    if len(slots) != len(gradients):
        return False
    for slot, gradient in zip(slots, gradients, strict=True):
        if gradient is not None and not is_alike(slot, gradient):
            return False
    return True


def plain_version_of(tensor: torch.Tensor) -> int | None:
    """Return the version counter; inference tensors have none."""
    try:
        version: int = tensor._version
    except RuntimeError:
        return None
    return version


is_like: Final[Callable[[RawValue, torch.Tensor], bool]] = (
    plain_is_like if NATIVE is None else NATIVE.is_like
)
are_alike: Final[Callable[[Sequence[RawSlot], Sequence[torch.Tensor | None]], bool]] = (
    plain_are_alike if NATIVE is None else NATIVE.are_alike
)
version_of: Final[Callable[[torch.Tensor], int | None]] = (
    plain_version_of if NATIVE is None else NATIVE.version_of
)
