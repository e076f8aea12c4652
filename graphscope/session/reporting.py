"""Letting python itself report the exception that ended a script.

It passes through our frames up to the interpreter, so that the exit code or signal,
`sys.excepthook` and everything that comes after are what they always are. Only the
traceback must not show where it has passed, and below it may stand what a recording
knows about the exception.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final

from graphscope.session.target import forget_file, without_ours

_NO_HOOK: Final = "sys.excepthook is missing\n"


def hide_frames(error: BaseException) -> None:
    """Let what python says of `error` begin at the script, when nobody catches it."""
    if isinstance(error, SystemExit):
        return  # of which it says nothing
    original = getattr(sys, "excepthook", None)

    def report(
        kind: type[BaseException], problem: BaseException, trace: TracebackType | None
    ) -> None:
        trace = without_ours(trace)
        problem.__traceback__ = sys.last_traceback = trace
        if original is None:
            del sys.excepthook
            sys.stderr.write(_NO_HOOK)
            sys.__excepthook__(kind, problem, trace)
        else:
            sys.excepthook = original
            _call(original, problem)
        _explain(problem)
        forget_file()

    sys.excepthook = report


def _explain(problem: BaseException) -> None:
    """Tell below the traceback what the exception means, if that is known.

    Not of an interrupt: nothing may be imported then.
    """
    if not isinstance(problem, Exception):
        return
    with suppress(Exception):
        from graphscope.session.explaining import tell_explanation

        tell_explanation(problem)


def _call(hook: Callable[..., object], problem: BaseException) -> None:
    """Call an excepthook, and write what python writes when it fails."""
    try:
        hook(type(problem), problem, problem.__traceback__)
    except SystemExit:
        raise
    except BaseException as second:  # noqa: BLE001 - as python does
        inner = second.__traceback__
        second.__traceback__ = inner.tb_next if inner is not None else None
        sys.stderr.write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(problem), problem, problem.__traceback__)
