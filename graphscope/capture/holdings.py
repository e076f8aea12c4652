"""What the optimizer of an update holds, whether the update changed it or not."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Final

import torch

from graphscope.capture.identity import TensorTable
from graphscope.capture.records import RawHeld, RawValue
from graphscope.capture.tensors import dtype_name, shape_of
from graphscope.model.site import Site

_ADDING: Final = torch.optim.Optimizer.add_param_group.__name__

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
        made_by: The user's line that made it, None when that was not seen.
    """

    label: str
    parameters: list[torch.Tensor]
    hyper: list[tuple[str, float]]
    marks: Marks
    made_by: Site | None


class Makers:
    """Remembers for one recorder which lines made which optimizers.

    No hook tells of a new optimizer. But it looks at each of its parameters, to refuse
    those that are no leaves, and that is seen.
    """

    def __init__(self) -> None:
        self._sites: dict[
            int, tuple[weakref.ref[torch.optim.Optimizer], Site | None]
        ] = {}

    def made(self, frame: FrameType) -> torch.optim.Optimizer | None:
        """Return the optimizer that `frame` adds parameters to, unless it is known."""
        if frame.f_code.co_name != _ADDING:
            return None
        optimizer = frame.f_locals.get("self")
        if not isinstance(optimizer, torch.optim.Optimizer):
            return None
        known = self._sites.get(id(optimizer))
        is_new = known is None or known[0]() is not optimizer
        return optimizer if is_new else None

    def note(self, optimizer: torch.optim.Optimizer, site: Site | None) -> None:
        """Note that `site` has made an optimizer."""
        self._sites[id(optimizer)] = weakref.ref(optimizer), site

    def site_of(self, optimizer: torch.optim.Optimizer) -> Site | None:
        """Return the line that made an optimizer."""
        known = self._sites.get(id(optimizer))
        return known[1] if known is not None and known[0]() is optimizer else None


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
