"""Making the record of one observation of a gradient."""

from typing import Final

import torch

from graphscope.capture.reader import ABSENT
from graphscope.capture.records import RawSlot, RawValue
from graphscope.capture.tensors import dtype_name, shape_of
from graphscope.model.graph import Role

HOOK: Final = "hook"  # label of a gradient that the user's hook may have changed


def make_slot(
    role: Role, tensor: torch.Tensor | None, value: RawValue | None
) -> RawSlot:
    """Return a slot for `tensor`, a gradient of `value`; nothing is read yet."""
    if tensor is not None:
        return RawSlot(
            role,
            ABSENT,
            value,
            shape=shape_of(tensor),
            dtype=dtype_name(tensor),
            kind_of_number=tensor.dtype,
        )
    if value is not None:
        return RawSlot(
            role,
            ABSENT,
            value,
            shape=value.shape,
            dtype=value.dtype,
            kind_of_number=value.kind_of_number,
        )
    return RawSlot(role, ABSENT)
