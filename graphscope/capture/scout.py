"""A function mode that passes everything on and waits for a thread to begin to train.

Separate from the mode that records: a thread that loads data costs next to nothing.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, Final, final

import torch
from torch.autograd.function import Function
from torch.overrides import TorchFunctionMode

from graphscope.capture.calls import STACK_LEVEL, PlacedCalls, deepened
from graphscope.capture.mode import BACKWARD, SILENT, CaptureMode, Place
from graphscope.capture.stack import is_tracing, modes_here, remove_modes
from graphscope.capture.tensors import flatten_tensors
from graphscope.capture.tracebacks import without_ours

_PASSIVE: Final = SILENT | {"__get__", "__set__", "detach", "requires_grad_"}
_MAKING: Final = "_make_subclass"
_FILLING: Final = "torch.nn.init"  # a thread may build a model that others train
_APPLY: Final = vars(Function)["apply"].__func__.__code__
_MAX_FRAMES: Final = 60
_NESTED: Final = (list, tuple, dict)
_SET_GRAD: Final = torch._C._set_grad_enabled
_is_grad_enabled: Final = torch.is_grad_enabled


class ScoutMode(TorchFunctionMode):
    """Passes every call on; asks its scout before each."""

    def __init__(self, scout: "Scout") -> None:
        super().__init__()
        self._scout = scout
        self._calls = PlacedCalls()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the call unchanged; before the first that trains, begin to record."""
        if func is _SET_GRAD:  # at once: an interrupt before it would leave it off
            return func(*args, **(kwargs or {}))
        if torch.compiler.is_dynamo_compiling() or is_tracing():
            return func(*args, **(kwargs or {}))
        kwargs = kwargs or {}
        frame = sys._getframe(1)
        place = self._calls.at(frame)
        if STACK_LEVEL in kwargs:
            kwargs = deepened(kwargs, frame)
        scout = self._scout
        try:
            if not scout.has_begun and _trains(frame, func, args, kwargs):
                return _run_first(scout, place, func, args, kwargs)
            return _run(place, func, args, kwargs)
        except BaseException as error:
            error.__traceback__ = without_ours(error.__traceback__)
            raise


def _run(place: Place, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return place(func, args, kwargs)


def _run_first(
    scout: "Scout",
    place: Place,
    func: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Run the call under the recorder that it wakes."""
    scout.wake()
    try:
        return place(func, args, kwargs)
    finally:
        scout.hand_over(is_away=True)  # torch puts the mode back after the call


@final
class Scout:
    """Wakes a recorder before the first call of its thread that trains.

    Its mode then becomes that of the recorder, at its own place in the stack: torch
    puts a mode back where it was when a call is over, so it cannot leave in the middle
    of one, and staying beside the other would cost as much again for every call.

    Attributes:
        mode: What is on the thread's stack of modes.
        has_begun: Whether it has woken the recorder, or never will.
    """

    def __init__(self, start: Callable[[], None]) -> None:
        self.has_begun = False
        self.mode: TorchFunctionMode = ScoutMode(self)
        self._own = vars(self.mode)
        self._start = start
        self._successor: CaptureMode | None = None

    def begin(self) -> None:
        """Begin to record, outside of any call that the mode sees."""
        if not self.has_begun:
            self.wake()
            self.hand_over()

    def consider(self, given: Iterable[object]) -> None:
        """Begin to record before a call that no mode sees, if its arguments say so."""
        if not self.has_begun and _is_grad_enabled() and _has_gradients(given):
            self.begin()

    def wake(self) -> None:
        """Start the recorder, whose mode is then on top of the stack."""
        self.has_begun = True
        before = modes_here()
        self._start()
        for mode in modes_here():
            is_new = not any(mode is other for other in before)
            if is_new and isinstance(mode, CaptureMode):
                self._successor = mode

    def hand_over(self, *, is_away: bool = False) -> None:
        """Let the scout's mode become that of the recorder."""
        found = self._successor
        is_here = is_away or any(mode is self.mode for mode in modes_here())
        if found is not None and is_here:  # else the user's code has taken it away
            remove_modes(lambda mode: mode is found)
            _become(self.mode, CaptureMode, vars(found))

    def retire(self) -> None:
        """Pass everything on from now on; from any thread."""
        self.has_begun = True
        self._successor = None
        _become(self.mode, ScoutMode, self._own)


def _become(
    mode: TorchFunctionMode, kind: type[TorchFunctionMode], state: dict[str, Any]
) -> None:
    """Turn a mode into another one; torch allows no method that is not its own."""
    mode.__class__ = kind
    mode.__dict__ = state


def is_training_call(module: torch.nn.Module, args: tuple[Any, ...]) -> bool:
    """Whether calling a module builds a graph that leads to parameters."""
    if not _is_grad_enabled():
        return False
    if _has_gradients(args):
        return True
    try:
        with torch._C.DisableTorchFunction():
            return any(parameter.requires_grad for parameter in module.parameters())
    except Exception:  # noqa: BLE001 - a user's own `parameters` may do anything
        return False


def _trains(
    frame: FrameType, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Whether a call builds a graph with something that requires a gradient."""
    if func in BACKWARD:
        return True
    name = getattr(func, "__name__", "")
    if name in _PASSIVE or getattr(func, "__module__", "") == _FILLING:
        return False
    if kwargs.get("requires_grad") is True and name != _MAKING:
        return True
    if not _has_gradients(args) and not (kwargs and _has_gradients(kwargs.values())):
        return False
    return _is_grad_enabled() or _is_applied(frame)


def _has_gradients(given: Iterable[object]) -> bool:
    try:
        with torch._C.DisableTorchFunction():
            return any(_requires_gradient(item) for item in given)
    except Exception:  # noqa: BLE001 - containers of the user's may do anything
        return False


def _requires_gradient(item: object) -> bool:
    if isinstance(item, torch.Tensor):
        return item.requires_grad
    if isinstance(item, _NESTED):
        return any(tensor.requires_grad for _, tensor in flatten_tensors(item))
    return False


def _is_applied(frame: FrameType | None) -> bool:
    """Whether the forward of an `autograd.Function` runs, which records no graph."""
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        if frame.f_code is _APPLY:
            return True
        frame = frame.f_back
    return False
