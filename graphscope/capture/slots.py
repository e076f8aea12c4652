"""Making the record of one observation of a gradient."""

from typing import Final

import torch

from graphscope.capture.reader import ABSENT
from graphscope.capture.records import RawNode, RawSlot, RawValue
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


def make_output_slot(
    node: RawNode, position: int, gradient: torch.Tensor | None
) -> RawSlot:
    """Return a slot for what reaches an output of `node`; nothing is read yet."""
    slot = make_slot(Role.GRAD_OUTPUT, gradient, node.outputs.get(position))
    slot.node, slot.position = node, position
    if slot.value is not None and slot.value.has_hook:
        slot.label = HOOK
    return slot
