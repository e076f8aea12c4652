"""Keeping our own frames out of what python says about a script.

A script that runs in our process has our frames below its own. Python leaves the
frames of its import system out of tracebacks of imports, and out of the lines that
warnings point at; it knows them by their file's name.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar, cast

BOOTSTRAP: Final = "<frozen importlib._bootstrap>"
"""Source: `_is_internal_frame` in warnings.py, `remove_importlib_frames` in import.c"""

_REMOVED: Final = "_call_with_frames_removed"

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def unseen(function: AnyFunction) -> AnyFunction:
    """Let warnings point past the calls of a function.

    >>> unseen(lambda: None).__code__.co_filename
    '<frozen importlib._bootstrap>'
    """
    made = cast("FunctionType", function)
    made.__code__ = made.__code__.replace(co_filename=BOOTSTRAP)
    return function


def removed(function: AnyFunction) -> AnyFunction:
    """Let tracebacks of imports leave the calls of a function out, too."""
    made = cast("FunctionType", unseen(function))
    made.__code__ = made.__code__.replace(co_name=_REMOVED)
    return function
