"""Which frames of a call stack are the user's.

Separate from `sites`, which reads source text: this is the hot path, a walk over code
objects with one dictionary look-up each.
"""

import concurrent.futures.thread
import multiprocessing
import sys
import threading
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

import torch

from graphscope.capture.calls import CALL_NAME

_TORCH: Final = str(Path(torch.__file__).parent)
_OURS: Final = str(Path(__file__).parents[1])
_MODES: Final = frozenset(
    str(Path(__file__).parent / name) for name in ("mode.py", "scout.py")
)
_DEMOS: Final = str(Path(__file__).parents[1] / "demos")
_MAX_STACK: Final = 100  # steps are found by comparing whole stacks


class Owner(Enum):
    """Whose code a frame runs."""

    USER = "user"
    WRAPPER = "wrapper"  # hands the user's own call on: F.relu, Tensor.split
    TORCH = "torch"  # any other function of torch: its calls are not the user's
    MODULE = "module"  # torch's module call: what runs inside is not the caller's op
    INIT = "init"  # filling new parameters, or a data loader: no part of the step
    OPTIMIZER = "optimizer"
    OURS = "ours"
    MODE = "mode"  # of ours: hands a call on, from inside of the user's stack
    HIDDEN = "hidden"  # interpreter machinery between two user frames


_NOBODY: Final = (Owner.OURS, Owner.MODE, Owner.HIDDEN)
_HIDDEN_FILES: Final = ("contextlib.py", "functools.py", "runpy.py")
_PROCESSES: Final = str(Path(multiprocessing.__file__).parent)
_THREADING: Final = (threading.__file__, concurrent.futures.thread.__file__)
_WRAPPER_FILES: Final = frozenset(
    {"/overrides.py", "/functional.py", "/_tensor.py", "/nn/functional.py"}
    | {"/autograd/__init__.py", "/_VF.py", "/_jit_internal.py", "/utils/_device.py"}
)
_INIT_FILES: Final = frozenset(
    {"/nn/init.py", "/nn/parameter.py", "/nn/modules/lazy.py"}
)
_MODULE_CALLS: Final = frozenset({"_call_impl", "_wrapped_call_impl"})


def classify(code: CodeType) -> Owner:
    """Decide whose frame one with this code is; cache the answer by code object."""
    file = code.co_filename
    if code.co_name == CALL_NAME or file in _MODES:
        return Owner.MODE
    if file.startswith(_TORCH):
        return _classify_torch(file, code.co_name)
    if file.startswith(_OURS) and not file.startswith(_DEMOS):
        return Owner.OURS
    if file.startswith("<frozen") or file.endswith(_HIDDEN_FILES):
        return Owner.HIDDEN
    if file in _THREADING or file.startswith(_PROCESSES):  # a loader's workers
        return Owner.HIDDEN
    return Owner.USER


def _classify_torch(file: str, function: str) -> Owner:
    inside = file[len(_TORCH) :].replace("\\", "/")
    if inside.startswith("/optim/"):
        return Owner.OPTIMIZER
    is_loading = inside.startswith("/utils/data/")
    is_init = inside in _INIT_FILES or function == "reset_parameters"
    if is_init or is_loading:
        return Owner.INIT
    if inside.startswith("/nn/modules/"):
        if function in _MODULE_CALLS:
            return Owner.MODULE
        if function == "__init__":
            return Owner.INIT
    return Owner.WRAPPER if inside in _WRAPPER_FILES else Owner.TORCH


def place_of(frame: FrameType) -> int:
    """Return a number for the instruction that a frame is at.

    It stays so for as long as the code object lives: CPython keeps the instructions
    inside of it, so this is the address of one. A hash would read all of the object.
    """
    return id(frame.f_code) + frame.f_lasti


class FrameWalker:
    """Finds user frames; one per recorder, because it caches by code object."""

    def __init__(self) -> None:
        # by id, with the code: hashing a code object reads all of it
        self._owners: dict[int, tuple[Owner, CodeType]] = {}

    def owner(self, code: CodeType) -> Owner:
        """Return whose code this is."""
        found = self._owners.get(id(code))
        if found is None:
            found = self._owners[id(code)] = classify(code), code
        return found[0]

    def find_user_frame(self) -> tuple[FrameType | None, list[Owner]]:
        """Return the innermost user frame, and the owners of the frames it called.

        The frame is None when a thread or a hook of torch's has no user frame.
        """
        crossed: list[Owner] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            owner = self.owner(frame.f_code)
            if owner is Owner.USER:
                return frame, crossed
            if owner not in _NOBODY:
                crossed.append(owner)
            frame = frame.f_back
        return None, crossed

    def calling_frames(self, frame: FrameType) -> Iterator[FrameType]:
        """Yield the user frames that called `frame`, innermost first.

        Stops at graphscope's own script runner, which no user should have to see.
        """
        count = 0
        caller = frame.f_back
        while caller is not None and count < _MAX_STACK:
            owner = self.owner(caller.f_code)
            if owner is Owner.OURS:
                return
            if owner is Owner.USER:
                count += 1
                yield caller
            caller = caller.f_back
