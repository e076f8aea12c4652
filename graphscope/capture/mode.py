"""The function mode: sees every Python-level torch call of one thread.

A pass-through `TorchFunctionMode` changes no result; a `TorchDispatchMode` does, and is
never used.
"""

import sys
from collections.abc import Callable, Iterable
from types import FrameType, FunctionType
from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode

from graphscope.capture.calls import PlacedCalls
from graphscope.capture.following import OpFollower, Seen
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.journal import Journal
from graphscope.capture.ops import Call, OpWatch
from graphscope.capture.readings import ABSENT
from graphscope.capture.records import RawEvent
from graphscope.capture.sourceless import GlobalNames
from graphscope.capture.tensors import flatten_tensors
from graphscope.capture.tracebacks import without_ours
from graphscope.capture.updates import UpdateWatch

_TENSOR_PROPERTIES: Final = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})
_SILENT: Final = frozenset(
    {
        "__repr__",
        "__str__",
        "__format__",
        "__hash__",
        "__len__",
        "__dir__",
        "__reduce_ex__",
    }
    | {"size", "dim", "numel", "stride", "is_contiguous", "data_ptr", "register_hook"}
    | {"_set_grad_enabled", "is_complex", "is_floating_point", "__deepcopy__"}
    | {"retain_grad", "storage", "untyped_storage", "get_device", "element_size"}
    | {"type", "nelement"}
)
_OPTIMIZER: Final = Owner.OPTIMIZER
_EXPOSING: Final = frozenset(
    {"numpy", "__array__", "__dlpack__", "data_ptr", "storage", "untyped_storage"}
    | {"detach_", "set_", "share_memory_", "__cuda_array_interface__", "_typed_storage"}
)
_PROFILING: Final = "_record_function_"
_ZERO_GRAD: Final = "Optimizer.zero_grad"
Place = FunctionType
_BACKWARD: Final = frozenset({torch.Tensor.backward, torch.autograd.backward})


class CaptureMode(TorchFunctionMode):
    """Hands each call to the watchers, before and after; changes no result."""

    def __init__(
        self,
        journal: Journal,
        ops: OpWatch,
        gradients: GradientWatch,
        updates: UpdateWatch,
        names: GlobalNames,
        follower: OpFollower,
        walker: FrameWalker,
    ) -> None:
        super().__init__()
        self.is_live = True
        self._journal = journal
        self._ops = ops
        self._gradients = gradients
        self._updates = updates
        self._names = names
        self._follower = follower
        self._walker = walker
        self._calls = PlacedCalls()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the call unchanged, and write it down."""
        del types
        if torch.compiler.is_dynamo_compiling():
            # The compiler reads this function in place of running it: to it, it must
            # be a plain call, or it would compile something else than without us.
            return func(*args, **(kwargs or {}))
        kwargs = kwargs or {}
        frame = sys._getframe(1)
        place = self._calls.at(frame)
        try:
            if self._updates.depth and self._walker.owner(frame.f_code) is _OPTIMIZER:
                return place(func, args, kwargs)  # one update event stands for all
            if self.is_live:
                event = self._follower.expected(func)
                if event is not None:
                    return self._follow(event, frame, place, func, args, kwargs)
            return self._run(frame, place, func, args, kwargs)
        except BaseException as error:
            error.__traceback__ = without_ours(error.__traceback__)
            raise

    def _follow(
        self,
        event: RawEvent,
        frame: FrameType,
        place: Place,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a call that should be the one that `event` recorded a step before."""
        seen: Seen | None = self._guarded(
            self._follower.begin, event, frame, args, kwargs
        )
        if seen is None:
            return self._run(frame, place, func, args, kwargs)
        result = place(func, args, kwargs)
        if not self._guarded(self._follower.finish, event, seen, result):
            self._guarded(self._note_other, frame, (func, args, kwargs), seen, result)
        return result

    def _note_other(
        self, frame: FrameType, called: tuple[Any, Any, Any], seen: Seen, result: Any
    ) -> None:
        """Record anew a call that turned out to do something else than before."""
        func, args, kwargs = called
        tensors = [("", tensor) for tensor, _ in seen]
        versions = [version for _, version in seen]
        name = getattr(func, "__name__", "")
        call = Call(func, name, args, kwargs, tensors, versions, frame)
        self._ops.note(call, result)

    def _run(
        self,
        frame: FrameType,
        place: Place,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in _EXPOSING and self.is_live:
            self._guarded(self._ops.expose, args)
        if not self.is_live or name in _SILENT or name.startswith(_PROFILING):
            self._note_region(name, args)
            return place(func, args, kwargs)
        if name == "__get__":
            return self._read_property(frame, place, func, args)
        if name == "__set__":
            return self._write_property(place, func, args)
        if func in _BACKWARD or func is torch.autograd.grad:
            return self._run_backward(place, func, args, kwargs)
        call = self._guarded(self._ops.begin, func, name, args, kwargs, frame)
        result = place(func, args, kwargs)
        if call is not None:
            self._guarded(self._ops.note, call, result)
        return result

    def _note_region(self, name: str, args: tuple[Any, ...]) -> None:
        """Watch for the region that an optimizer opens around its `zero_grad`.

        It tells the profiler its name; so a call that finds every gradient None
        already, and sets nothing, is seen as well.
        """
        if name.startswith(_PROFILING):
            is_entry = "enter" in name and bool(args) and isinstance(args[0], str)
            self._updates.zeroes(is_entry and args[0].startswith(_ZERO_GRAD))

    def _guarded(self, write: Callable[..., Any], *args: Any) -> Any:
        """Run code of ours so that it can neither fail nor be seen by other modes."""
        with self._journal.lock, torch._C.DisableTorchFunction():
            try:
                return write(*args)
            except Exception as fault:  # noqa: BLE001 - the observer rule
                self._journal.count_fault(fault)
                return None

    def _read_property(
        self, frame: FrameType, place: Place, func: Any, args: tuple[Any, ...]
    ) -> Any:
        name = getattr(getattr(func, "__self__", None), "__name__", "")
        result = place(func, args, {})
        if name == "grad":
            if result is None and self._updates.is_zeroing:
                self._guarded(self._updates.note_zero, args[0], ABSENT, ABSENT)
            elif result is not None and self._updates.is_zeroing:
                self._guarded(self._updates.expect_zero, args[0], result)
            elif result is not None and not self._updates.depth:
                self._guarded(self._updates.gradient_of, args[0], result)
        elif name in _TENSOR_PROPERTIES:
            if name == "data":
                self._guarded(self._ops.expose, args)
            call = self._guarded(self._ops.begin, func, name, args, {}, frame)
            if call is not None:
                self._guarded(self._ops.note, call, result)
        return result

    def _write_property(self, place: Place, func: Any, args: tuple[Any, ...]) -> Any:
        name = getattr(getattr(func, "__self__", None), "__name__", "")
        is_zeroing = name == "grad" and len(args) > 1 and args[1] is None
        if name in ("data", "grad") and not is_zeroing:
            self._guarded(self._ops.expose, args)
        before = None
        if is_zeroing:
            before = self._guarded(self._updates.read_gradient, args[0])
        result = place(func, args, {})
        if is_zeroing:
            self._guarded(self._updates.note_zero, args[0], before or ABSENT, ABSENT)
        return result

    def _run_backward(
        self, place: Place, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        self._guarded(self._begin_backward, args)
        try:
            result = place(func, args, kwargs)
        finally:
            self._guarded(self._gradients.end)
        return result

    def _begin_backward(self, args: tuple[Any, ...]) -> None:
        self._names.apply()
        roots = [tensor for _, tensor in flatten_tensors(args[:1])]
        self._gradients.begin(roots, self._updates.site())
