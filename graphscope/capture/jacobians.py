"""Local derivatives: asking a small autograd node for its own Jacobian.

Calling a built-in node with a unit vector runs its formula on its saved tensors, fires
no hook and frees nothing.
"""

from collections.abc import Sequence
from typing import Any, Final

import torch

from graphscope.capture.identity import TensorTable
from graphscope.capture.readings import is_readable
from graphscope.capture.records import RawNode, RawSlot, RawValue
from graphscope.capture.tensors import dtype_name, quiet, shape_of
from graphscope.model.graph import Role

MAX_OUTPUTS: Final = 16  # the node is called once for every element of its output
MAX_JACOBIAN: Final = 256

# Their formulas warn: the warning would come once more, from our line.
_WARNS: Final = ("IndexReduce", "Sparse")

_Row = Sequence[torch.Tensor | None]


def local_slots(
    node: RawNode, gradient: torch.Tensor | None, table: TensorTable
) -> list[RawSlot]:
    """Return the Jacobians of the node that runs now, one for each wanted edge."""
    wanted = [_is_wanted(target, value) for target, _, value in node.edges]
    if gradient is None or not any(wanted) or not _is_askable(node, gradient):
        return []
    grad_fn: Any = torch._C._current_autograd_node()
    if grad_fn is None or grad_fn.metadata.get(table.key) != node.serial:
        return []
    try:
        rows = _call_with_units(grad_fn, gradient)
    except RuntimeError:
        # What it saved was changed or freed, or it returns a sparse gradient: the
        # user's own backward says so where it matters.
        return []
    slots = []
    for position, is_wanted in enumerate(wanted):
        value = node.edges[position][2]
        column = [_reduced(row[position], value) for row in rows]
        parts = [part for part in column if part is not None and is_readable(part)]
        if not is_wanted or len(parts) != gradient.numel():
            continue
        if sum(part.numel() for part in parts) > MAX_JACOBIAN:
            continue
        with quiet():
            shape = (*gradient.shape, *parts[0].shape)
            jacobian = torch.stack(parts).reshape(shape)
        slot = RawSlot(
            Role.LOCAL,
            table.read(jacobian),
            value,
            node,
            position,
            shape_of(jacobian),
            dtype_name(jacobian),
        )
        slots.append(slot)
    return slots


def _is_wanted(target: RawNode | None, value: RawValue | None) -> bool:
    """Whether an edge has a gradient: towards a value, or inside of one op.

    `cross_entropy` is two nodes with an edge between them that leads to no value that
    Python ever saw; a chain of factors needs the derivative along it all the same.
    """
    return target is not None if value is None else value.requires_grad


def _is_askable(node: RawNode, gradient: torch.Tensor) -> bool:
    """Whether calling the node is cheap, silent, and seen by nobody."""
    return (
        not node.name.startswith(_WARNS)
        and is_readable(gradient)
        and 0 < gradient.numel() <= MAX_OUTPUTS
        and gradient.is_floating_point()
        and not torch._C._autograd._profiler_enabled()  # the user counts what runs
    )


def _reduced(part: torch.Tensor | None, value: RawValue | None) -> torch.Tensor | None:
    """Undo broadcasting, as the engine does with what a node returns."""
    if part is None or not is_readable(part):
        return None  # it could not be read: sparse and nested ones have no layout
    if value is None or tuple(part.shape) == value.shape:
        return part
    with quiet():
        return part.sum_to_size(value.shape)


def _call_with_units(grad_fn: Any, gradient: torch.Tensor) -> list[_Row]:
    rows: list[_Row] = []
    with quiet():
        for index in range(gradient.numel()):
            unit = torch.zeros(gradient.shape, dtype=gradient.dtype)
            unit = unit.to(gradient.device)
            unit.view(-1)[index] = 1
            row = grad_fn(unit)
            rows.append(row if isinstance(row, tuple) else (row,))
    return rows
