"""A torch call, and which of its tensors it changed.

Separate from `ops`, which writes calls down: these are questions about version
counters, views and names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

import torch

from graphscope.capture.aliases import overlaps, written_by_name
from graphscope.capture.likeness import version_of
from graphscope.capture.records import RawValue
from graphscope.capture.tensors import flatten_tensors

_SEVERAL: Final = 2

Tensors = list[tuple[str, torch.Tensor]]


@dataclass(slots=True)
class Call:
    """A torch call before it runs: its tensors and their versions.

    Attributes:
        frame: What called it; the call stack is there while the call runs.
        constants: The constants among its arguments, by position or keyword.
        texts: Which arguments the record shows as the user wrote them, likewise.
        silent: Tensors that it changed without counting a new version.
    """

    func: Any
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: Tensors
    versions: list[int | None]
    frame: FrameType | None = None
    constants: dict[int | str, RawValue] = field(default_factory=dict)
    texts: set[int | str] = field(default_factory=set)
    silent: list[torch.Tensor] = field(default_factory=list)


def changed_by(call: Call) -> list[torch.Tensor]:
    """Return the arguments whose version counter has moved, without repeats.

    Inference tensors count no versions: there the name of the call decides.
    """
    found: list[torch.Tensor] = []
    if _is_unversioned(call):
        written = written_by_name(call.name, call.args, call.kwargs)
        found += [t for _, t in flatten_tensors(written) if t.is_inference()]
    for (_, tensor), before in zip(call.tensors, call.versions, strict=True):
        is_changed = before is not None and version_of(tensor) != before
        if is_changed and not contains(found, tensor):
            found.append(tensor)
    return found if len(found) < _SEVERAL else _without_neighbours(call, found)


def _without_neighbours(call: Call, changed: list[torch.Tensor]) -> list[torch.Tensor]:
    """Leave out arguments that only count versions together with what was written."""
    named = written_by_name(call.name, call.args, call.kwargs)
    written = [tensor for _, tensor in flatten_tensors(named)]
    if not written:
        return changed
    return [t for t in changed if contains(written, t) or overlaps(t, written)]


def may_be_asked(tensor: torch.Tensor) -> bool:
    """Whether a tensor that was changed says whether it is a leaf.

    A view of a leaf, made and changed under `no_grad`, refuses; its base does not.
    """
    if torch.is_grad_enabled() or not tensor.requires_grad or not tensor._is_view():
        return True
    try:
        tensor.is_leaf  # noqa: B018 - it may raise
    except RuntimeError:
        return False
    return True


def _is_unversioned(call: Call) -> bool:
    return None in call.versions


def contains(tensors: Sequence[torch.Tensor], wanted: torch.Tensor) -> bool:
    """Whether this very tensor is among `tensors`."""
    return any(tensor is wanted for tensor in tensors)


def extends_graph(outputs: Sequence[torch.Tensor]) -> bool:
    """Whether autograd has nodes for one of the results."""
    return any(t.requires_grad and not t.is_leaf for t in outputs)
