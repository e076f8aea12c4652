"""What objects of the user's hold, as the garbage collector sees it.

Asking the collector runs no code of the user's: no `__getattr__`, no property, no
`__iter__`, no comparison. Names come later, for the few objects on a path that matters
(`graphscope.capture.paths`).
"""

import functools
import gc
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Any, Final

import torch

from graphscope.capture.frames import FrameWalker, Owner

_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a `class` statement
_LONG: Final = 100_000
_MOST_OF_LONG: Final = 10_000
_CONTAINERS: Final = frozenset(
    {list, tuple, dict, set, frozenset, deque, OrderedDict, defaultdict}
    | {functools.partial, types.MethodType, types.BuiltinMethodType}
    | {types.CellType, types.TracebackType}
    | {types.GeneratorType, types.CoroutineType, types.SimpleNamespace}
)
_LENGTHS: Final[dict[type, Callable[[Any], int]]] = {
    kind: kind.__len__ for kind in (list, tuple, dict, set, frozenset, deque)
}
_ITEMS: Final[dict[type, Callable[[Any], Iterable[Any]]]] = {
    **{kind: kind.__iter__ for kind in (list, tuple, set, frozenset, deque)},
    dict: dict.values,
}

mro_of: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
namespace_of: Final[Callable[[type], Any]] = type.__dict__["__dict__"].__get__
name_of: Final[Callable[[type], str]] = type.__dict__["__qualname__"].__get__
_flags_of: Final[Callable[[type], int]] = type.__dict__["__flags__"].__get__


class Opener:
    """Says which objects may lead to tensors of the user's, and to what they lead.

    Args:
        walker: Knows whose code is whose.
        modules: Names of the user's modules, whose classes are looked into.
    """

    def __init__(self, walker: FrameWalker, modules: Collection[str]) -> None:
        self._walker = walker
        self._modules = modules
        self._known: dict[type, bool] = {}

    def is_open(self, found: Any) -> bool:
        """Whether to look into an object."""
        kind = type(found)
        if kind is types.FunctionType:
            return self._is_user_code(found.__code__)
        if kind is types.FrameType:
            return self._is_user_code(found.f_code)
        if type in mro_of(kind):
            return self._is_user_class(found)
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = _is_open_type(kind)
        return known

    def _is_user_code(self, code: types.CodeType) -> bool:
        return self._walker.owner(code) is Owner.USER

    def _is_user_class(self, kind: type) -> bool:
        module = namespace_of(kind).get("__module__")
        return type(module) is str and module in self._modules


def contents_of(found: Any) -> list[Any]:
    """Return what an object holds; of a long container only its beginning."""
    kind = type(found)
    if kind is types.FunctionType:
        given = (*(found.__defaults__ or ()), *(found.__kwdefaults__ or {}).values())
        return [*(found.__closure__ or ()), *given]
    if type in mro_of(kind):
        return list(namespace_of(found).values())
    base = next((one for one in mro_of(kind) if one in _LENGTHS), None)
    if base is not None and _LENGTHS[base](found) > _LONG:
        return list(islice(_ITEMS[base](found), _MOST_OF_LONG))
    return gc.get_referents(found)


def _is_open_type(kind: type) -> bool:
    bases = mro_of(kind)
    if torch.Tensor in bases:
        return False
    if kind in _CONTAINERS or BaseException in bases:
        return True
    module = namespace_of(kind).get("__module__")
    is_ours = type(module) is str and module.partition(".")[0] == "graphscope"
    return bool(_flags_of(kind) & _HEAP_TYPE) and not is_ours
