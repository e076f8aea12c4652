"""Tensors that share memory: which others an in-place op has changed.

A base and its views count versions together, so those that are behind are found by
their version; inference tensors count none and are found by their memory alone. What
was seen is looked up by storage only when an in-place op ran.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch

from graphscope.capture.tensors import PLAIN_TYPES

if TYPE_CHECKING:
    from graphscope.capture.records import Known

_IN_PLACE: Final = frozenset(
    {"__iadd__", "__isub__", "__imul__", "__idiv__", "__itruediv__", "__ifloordiv__"}
    | {"__imod__", "__ipow__", "__imatmul__", "__iand__", "__ior__", "__ixor__"}
    | {"__ilshift__", "__irshift__", "__setitem__"}
)
_NO_CHANGE: Final = frozenset({"requires_grad_", "detach_", "share_memory_"})


class Aliases:
    """Finds tensors by their storage.

    Attributes:
        waiting: Ids of tensors that were not looked at yet.
    """

    def __init__(self, known: "dict[int, Known]") -> None:
        self.waiting: list[int] = []
        self._known = known
        self._by_storage: dict[int, list[int]] = {}

    def restart(self) -> None:
        """Begin the next step: dead tensors have been forgotten."""
        self._by_storage.clear()
        self.waiting = list(self._known)

    def relatives(
        self, changed: Sequence[torch.Tensor], step: int
    ) -> list[tuple["Known", torch.Tensor]]:
        """Return others, seen in this step, whose memory `changed` may lie in."""
        self._look()
        found: list[tuple[Known, torch.Tensor]] = []
        taken = [id(tensor) for tensor in changed]
        for tensor in changed:
            storage = _storage_of(tensor)
            keys = self._by_storage.get(storage, []) if storage else []
            base = _base_of(tensor)
            for key in [*keys, *([] if base is None else [id(base)])]:
                known = self._known.get(key)
                if known is None or key in taken or known.value.step != step:
                    continue
                other = base if base is not None and key == id(base) else None
                if known.reference is not None:
                    other = known.reference()
                if other is None or not _is_behind(known, other, storage):
                    continue
                taken.append(key)
                found.append((known, other))
        return found

    def _look(self) -> None:
        waiting, self.waiting = self.waiting, []
        for key in waiting:
            known = self._known.get(key)
            tensor = known.reference() if known and known.reference else None
            storage = _storage_of(tensor) if tensor is not None else 0
            if storage:
                self._by_storage.setdefault(storage, []).append(key)


def overlaps(one: torch.Tensor, others: Sequence[torch.Tensor]) -> bool:
    """Whether the memory from the first to the last element meets that of others."""
    storage = _storage_of(one)
    start, end = _range_of(one)
    ranges = [_range_of(t) for t in others if storage and _storage_of(t) == storage]
    return any(start < stop and begin < end for begin, stop in ranges)


def written_by_name(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Any]:
    """Return the arguments that a call of that name writes to."""
    is_method = name.endswith("_") and not name.startswith("__")
    written = [kwargs["out"]] if kwargs.get("out") is not None else []
    if (is_method or name in _IN_PLACE) and name not in _NO_CHANGE:
        written += args[:1]
    return written


def _is_behind(known: "Known", tensor: torch.Tensor, storage: int) -> bool:
    if _storage_of(tensor) != storage:
        return False
    if tensor.is_inference():
        return True
    return known.version != tensor._version


def _base_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return the parameter that a tensor is a view of; others are found by storage."""
    if type(tensor) not in PLAIN_TYPES or not tensor._is_view():
        return None
    base: Any = tensor._base
    return base if isinstance(base, torch.nn.Parameter) else None


def _storage_of(tensor: torch.Tensor) -> int:
    """Return what the storage is known by, 0 for tensors without one."""
    if type(tensor) not in PLAIN_TYPES or tensor.layout is not torch.strided:
        return 0
    try:
        storage: int = tensor.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):
        return 0
    return storage


def _range_of(tensor: torch.Tensor) -> tuple[int, int]:
    if not tensor.numel():
        return 0, 0
    sizes = zip(tensor.stride(), tensor.shape, strict=True)
    last = sum(int(stride) * (size - 1) for stride, size in sizes)
    start = int(tensor.storage_offset()) * tensor.element_size()
    return start, start + (last + 1) * tensor.element_size()
