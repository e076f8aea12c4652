"""What the optimizer of an update holds, whether the update changed it or not."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from graphscope.capture.identity import TensorTable
from graphscope.capture.records import RawHeld, RawValue
from graphscope.capture.tensors import dtype_name, shape_of

Marks = list[tuple[int, bool]]
"""Python id and `requires_grad` of each parameter: equal when the same are held."""


@dataclass(frozen=True, slots=True)
class Update:
    """What an optimizer's step came with, read once for the record and its repetition.

    Attributes:
        label: The optimizer's class.
        parameters: Those that have a gradient, in its order.
        hyper: The hyper-parameters that are numbers.
        marks: What it holds.
    """

    label: str
    parameters: list[torch.Tensor]
    hyper: list[tuple[str, float]]
    marks: Marks


def marks_of(optimizer: torch.optim.Optimizer) -> Marks:
    """Return what tells whether an optimizer holds what it held a step before."""
    return [
        (id(parameter), parameter.requires_grad)
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]


def describe_held(
    optimizer: torch.optim.Optimizer,
    table: TensorTable,
    values: Mapping[int, RawValue],
) -> tuple[RawHeld, ...]:
    """Describe everything that an optimizer holds, each parameter once.

    Args:
        optimizer: Its step is just over.
        table: Knows names, and what the running step has used.
        values: Python id -> value that the update found, of what it changed.
    """
    held = [p for group in optimizer.param_groups for p in group["params"]]
    ids = [id(parameter) for parameter in held]
    times = {key: ids.count(key) for key in ids} if len(set(ids)) < len(ids) else {}
    found: dict[int, RawHeld] = {}
    for parameter in held:
        key = id(parameter)
        if key not in found:
            found[key] = RawHeld(
                name=table.known_name(parameter),
                value=values.get(key) or _used_in_step(parameter, table),
                shape=shape_of(parameter),
                dtype=dtype_name(parameter),
                requires_grad=parameter.requires_grad,
                times=times.get(key, 1),
            )
    return tuple(found.values())


def _used_in_step(parameter: torch.Tensor, table: TensorTable) -> RawValue | None:
    known = table.entry(parameter)
    is_of_step = known is not None and known.value.step == table.step
    return known.value if known is not None and is_of_step else None
