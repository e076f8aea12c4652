"""Letting python itself report the exception that ended a script.

It passes through our frames up to the interpreter, so that the exit code or signal,
`sys.excepthook` and everything that comes after are what they always are. Only the
traceback must not show where it has passed.
"""

import sys
from types import TracebackType

from graphscope.session.target import without_ours


def hide_frames(error: BaseException) -> None:
    """Let what python says of `error` begin at the script, when nobody catches it."""
    original = getattr(sys, "excepthook", None)
    if original is None or isinstance(error, SystemExit):
        return  # python has its own words for both

    def report(
        kind: type[BaseException], problem: BaseException, trace: TracebackType | None
    ) -> None:
        sys.excepthook = original
        trace = without_ours(trace)
        problem.__traceback__ = sys.last_traceback = trace
        try:
            original(kind, problem, trace)
        except SystemExit:
            raise
        except BaseException as second:  # noqa: BLE001 - as python does
            _report_both(second, problem)

    sys.excepthook = report


def _report_both(second: BaseException, first: BaseException) -> None:
    """Write what python writes when an excepthook fails."""
    inner = second.__traceback__.tb_next if second.__traceback__ is not None else None
    sys.stderr.write("Error in sys.excepthook:\n")
    sys.__excepthook__(type(second), second, inner)
    sys.stderr.write("\nOriginal exception was:\n")
    sys.__excepthook__(type(first), first, first.__traceback__)
