"""Calls of functions that `torch.jit.script` made: one op for each.

They run in C++ and hand themselves over to no mode. While a recorder runs, their type
calls them through a function of ours; where it cannot be replaced, they are not seen.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import Any, Final

import torch

from graphscope.capture.calls import PlacedCalls
from graphscope.capture.compiled import CompiledWatch
from graphscope.capture.opaque import Opaque, tensors_in
from graphscope.capture.tracebacks import without_ours

_NOTE: Final = "made by torch.jit.script: its inside was not recorded"
_TYPE: Final[Any] = getattr(torch._C, "ScriptFunction", None)
_ORIGINAL: Final[list[Any]] = []
ASKED: Final[list[Callable[..., None]]] = []
"""Told, on any thread, of the arguments of a call before it runs."""
_WATCHES: Final[list[CompiledWatch]] = []
_CALLS: Final = PlacedCalls()


def attach(watch: CompiledWatch) -> None:
    """Let `watch` hear of scripted functions that are called on its thread."""
    _WATCHES.append(watch)
    if _TYPE is not None and not _ORIGINAL:
        with suppress(AttributeError, TypeError):
            _ORIGINAL.append(_TYPE.__call__)
            _TYPE.__call__ = _call


def detach(watch: CompiledWatch) -> None:
    """Tell `watch` no more."""
    if watch in _WATCHES:
        _WATCHES.remove(watch)
    if not _WATCHES and _ORIGINAL:
        _TYPE.__call__ = _ORIGINAL[0]
        _ORIGINAL.clear()
        _CALLS.clear()


def _call(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a scripted function as if from where the user called it."""
    frame = sys._getframe(1)
    place = _CALLS.at(frame)
    original = _ORIGINAL[0] if _ORIGINAL else type(function).__call__
    begun: list[tuple[CompiledWatch, Opaque]] = []
    try:
        for ask in tuple(ASKED):
            ask(args, kwargs)
        for watch in _watches_here():
            name = str(function.name)
            found = watch.guarded(
                watch.opaque.begin, function, name, args, kwargs, frame
            )
            if found is not None:
                begun.append((watch, found))
        result = place(original, (function, *args), kwargs)
        for watch, opaque in begun:
            watch.guarded(watch.opaque.end, opaque, tensors_in(result), _NOTE)
    except BaseException as error:
        error.__traceback__ = without_ours(error.__traceback__)
        raise
    return result


def _watches_here() -> list[CompiledWatch]:
    """Return who watches this thread, if the mode would see a call here at all."""
    if not torch._C._len_torch_function_stack():
        return []  # inside of a call that is recorded already
    return [watch for watch in _WATCHES if watch.thread == get_ident()]
