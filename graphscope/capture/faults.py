"""Telling the user's exceptions from our own.

A signal's handler runs wherever Python happens to be, also inside of our code. What it
raises is for the user: a timeout, a request to stop. It must not be taken for a fault
of ours, which we keep to ourselves.
"""

import signal
import sys
from collections.abc import Iterator
from threading import current_thread, main_thread
from types import CodeType, FrameType
from typing import Any, Final

_KNOWN: Final = frozenset({"builtins", "graphscope", "numpy", "torch"})


def is_foreign(fault: BaseException) -> bool:
    """Whether an exception that came out of our code is none of its making.

    Either a handler raised it, or it is of a type that only the user can have: an
    exception that was sent to this thread has no frame of its own.
    """
    if current_thread() is not main_thread():
        return False  # handlers run on the main thread
    package = type(fault).__module__.partition(".")[0]
    is_known = package in _KNOWN or package in sys.stdlib_module_names
    # `__main__` is a name of the standard library, and of every script
    return not is_known or package == "__main__" or is_from_handler(fault)


def is_from_handler(fault: BaseException) -> bool:
    """Whether a signal's handler raised it, or something that the handler called."""
    handlers = set(_handler_codes())
    trace = fault.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code in handlers or _is_called_by_signal(frame):
            return True
        trace = trace.tb_next
    return False


def _handler_codes() -> Iterator[CodeType]:
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        code = getattr(handler, "__code__", None)
        if code is not None and handler is not signal.default_int_handler:
            yield code


def _is_called_by_signal(frame: FrameType) -> bool:
    """Whether a frame was given the frame that it interrupted.

    Also where the handler is a partial or an object, or was replaced since.
    """
    code, interrupted = frame.f_code, frame.f_back
    if interrupted is None:
        return False
    names = code.co_varnames[: code.co_argcount + 1]
    given = [frame.f_locals.get(name) for name in names]
    return any(
        item is interrupted
        or (type(item) is tuple and any(one is interrupted for one in item))
        for item in given
    )
