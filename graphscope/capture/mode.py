"""The function mode: sees every Python-level torch call of one thread.

A pass-through `TorchFunctionMode` changes no result; a `TorchDispatchMode` does, and is
never used.
"""

import sys
from collections.abc import Callable, Iterable
from types import FrameType, FunctionType
from typing import Any, Final

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from graphscope.capture.calls import STACK_LEVEL, PlacedCalls, deepened
from graphscope.capture.changes import Call
from graphscope.capture.following import OpFollower, Seen
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.inside import STOPPED, InsideWatch
from graphscope.capture.journal import Journal
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.ops import OpWatch
from graphscope.capture.raised import RaisedWatch
from graphscope.capture.reader import ABSENT
from graphscope.capture.records import RawEvent
from graphscope.capture.sourceless import GlobalNames
from graphscope.capture.stack import is_tracing
from graphscope.capture.tensors import PLAIN_TYPES
from graphscope.capture.tracebacks import without_ours
from graphscope.capture.updates import UpdateWatch

_TENSOR_PROPERTIES: Final = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})
SILENT: Final = frozenset(
    {"__repr__", "__str__", "__format__", "__hash__", "__len__", "__dir__"}
    | {"__reduce_ex__", "type", "nelement"}
    | {"size", "dim", "numel", "stride", "is_contiguous", "data_ptr"}
    | {"_set_grad_enabled", "is_complex", "is_floating_point", "__deepcopy__"}
    | {"retain_grad", "storage", "untyped_storage", "get_device", "element_size"}
)
_OPENED: Final = frozenset(
    # Long enough to be worth it, or they call functions of the user's own.
    {functional.multi_head_attention_forward}
    | {functional.triplet_margin_with_distance_loss}
)
_UNSEEN_INSIDE: Final = SILENT | {"__get__", "__set__", "requires_grad_"}
_OPTIMIZER: Final = Owner.OPTIMIZER
_EXPOSING: Final = frozenset(
    {"numpy", "__array__", "__dlpack__", "data_ptr", "storage", "untyped_storage"}
    | {"_amp_foreach_non_finite_check_and_unscale_"}
    | {"detach_", "set_", "share_memory_", "__cuda_array_interface__", "_typed_storage"}
)
_SET_GRAD: Final = torch._C._set_grad_enabled
_PROFILING: Final = "_record_function_"
_ZERO_GRAD: Final = "Optimizer.zero_grad"
Place = FunctionType
BACKWARD: Final = frozenset(
    {torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad}
)
_WHOLE: Final = _OPENED | BACKWARD
_GRAD: Final = torch.autograd.grad
_PAST_US: Final = getattr(torch._C, "_skip_one_hop_torch_function", None)


class CaptureMode(TorchFunctionMode):
    """Hands each call to the watchers, before and after; changes no result."""

    def __init__(  # noqa: PLR0913, PLR0917 - every watcher that a call may concern
        self,
        journal: Journal,
        nodes: NodeWatch,
        ops: OpWatch,
        gradients: GradientWatch,
        updates: UpdateWatch,
        names: GlobalNames,
        follower: OpFollower,
        walker: FrameWalker,
        inside: InsideWatch,
        raised: RaisedWatch,
    ) -> None:
        super().__init__()
        self.is_live = True
        self._nodes = nodes
        self._journal = journal
        self._guarded = journal.guarded
        self._ops = ops
        self._gradients = gradients
        self._updates = updates
        self._names = names
        self._follower = follower
        self._walker = walker
        self.calls = PlacedCalls()
        self._functions = ops.functions
        self._transforms = ops.transforms
        self._inside = inside
        self._raised = raised

    def __torch_function__(  # noqa: C901, PLR0912 - hot: a call less
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the call unchanged, and write it down."""
        if func is _SET_GRAD:  # at once: an interrupt before it would leave it off
            return func(*args, **(kwargs or {}))
        if torch.compiler.is_dynamo_compiling() or is_tracing():
            # The compiler reads this function in place of running it: to it, it must
            # be a plain call, or it would compile something else than without us.
            # torch.jit.trace writes down what is read of a tensor, by us as well.
            return func(*args, **(kwargs or {}))
        kwargs = kwargs or {}
        frame = sys._getframe(1)
        place = self.calls.at(frame)
        if STACK_LEVEL in kwargs:
            kwargs = deepened(kwargs, frame)
        try:
            if self._updates.depth and self._walker.owner(frame.f_code) is _OPTIMIZER:
                return place(func, args, kwargs)  # one update event stands for all
            if self._journal.is_in_backward:
                return self._run_inside(frame, place, func, types, args, kwargs)
            if self.is_live:
                if self._functions.running:
                    self._guarded(self._functions.settle)
                if self._journal.keeper.late is not None:
                    self._guarded(self._updates.zeroing.settle, func)
                if (
                    self._transforms.running is not None or func in BACKWARD
                ) and self._guarded(self._transforms.is_inside, args, kwargs):
                    return place(func, args, kwargs)
                event = self._follower.expected(func)
                if event is not None and func is not _GRAD:
                    return self._follow(event, frame, place, func, args, kwargs)
                if func in _WHOLE:
                    return self._run_whole(frame, place, func, types, args, kwargs)
            return self._run(frame, place, func, args, kwargs)
        except BaseException as error:
            self.guarded(self._raised.note, error, func, args, kwargs)
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
        if name in self._ops.noted and self.is_live:
            result = place(func, args, kwargs)
            self._guarded(self._ops.noted[name], args[0])
            return result
        if not self.is_live or name in SILENT or name.startswith(_PROFILING):
            self._note_region(name, args)
            return place(func, args, kwargs)
        if name == "__get__":
            return self._read_property(frame, place, func, args)
        if name == "__set__":
            return self._write_property(place, func, args)
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
            is_zero = is_entry and args[0].startswith(_ZERO_GRAD)
            self._guarded(self._updates.zeroing.zeroes, is_zero)

    def guarded(self, write: Callable[..., Any], *args: Any) -> Any:
        """Run code of ours for a call that the mode does not see."""
        return self._guarded(write, *args) if self.is_live else None

    def _read_property(
        self, frame: FrameType, place: Place, func: Any, args: tuple[Any, ...]
    ) -> Any:
        name = getattr(getattr(func, "__self__", None), "__name__", "")
        result = place(func, args, {})
        if name == "grad":
            self._note_gradient(args[0], result)
        elif name == "is_leaf" and self._walker.owner(frame.f_code) is _OPTIMIZER:
            self._guarded(self._updates.note_look, frame)
        elif name in _TENSOR_PROPERTIES:
            if name == "data":
                self._guarded(self._ops.expose, args)
            call = self._guarded(self._ops.begin, func, name, args, {}, frame)
            if call is not None:
                self._guarded(self._ops.note, call, result)
        return result

    def _note_gradient(self, leaf: torch.Tensor, gradient: torch.Tensor | None) -> None:
        zeroing = self._updates.zeroing
        if zeroing.is_zeroing and gradient is None:
            self._guarded(zeroing.note_zero, leaf, ABSENT, ABSENT)
        elif zeroing.is_zeroing:
            self._guarded(zeroing.expect_zero, leaf, gradient)
        elif gradient is not None and not self._updates.depth:
            self._guarded(self._updates.gradient_of, leaf, gradient)

    def _write_property(self, place: Place, func: Any, args: tuple[Any, ...]) -> Any:
        name = getattr(getattr(func, "__self__", None), "__name__", "")
        is_zeroing = name == "grad" and len(args) > 1 and args[1] is None
        if name in ("data", "grad") and not is_zeroing:
            self._guarded(self._ops.expose, args)
        before = None
        if is_zeroing:
            before = self._guarded(self._updates.zeroing.read_gradient, args[0])
        result = place(func, args, {})
        if is_zeroing:
            note = self._updates.zeroing.note_zero
            self._guarded(note, args[0], before or ABSENT, ABSENT)
        elif name == "data":
            self._guarded(self._ops.settings.note_data, args[0])
        elif name == "requires_grad":
            self._guarded(self._ops.settings.note, args[0])
        return result

    def _run_whole(
        self,
        frame: FrameType,
        place: Place,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a function whose inside is of interest."""
        if func in BACKWARD:
            return self._run_backward(frame, place, func, types, args, kwargs)
        if _PAST_US is None or self._updates.depth:
            return self._run(frame, place, func, args, kwargs)
        return self._open(place, func, types, args, kwargs)

    def _run_backward(
        self,
        frame: FrameType,
        place: Place,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        self._guarded(self._begin_backward, args)
        # A subclass that handles torch's calls itself would be asked more often.
        is_plain = all(kind in PLAIN_TYPES for kind in types)
        is_seen = _PAST_US is not None and is_plain and not self._nodes.has_compiled
        self._journal.is_in_backward = is_seen
        try:
            if is_seen:
                result = self._run_past(place, func, types, args, kwargs)
            else:
                result = place(func, args, kwargs)
            self._journal.is_in_backward = False
            if func is _GRAD and self.is_live:
                self._gradients.conclude(self._note_asked, frame, args, kwargs, result)
            return result
        finally:
            self._journal.is_in_backward = False
            self._guarded(self._gradients.end)

    def _note_asked(
        self,
        frame: FrameType,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """Write down the gradients that `torch.autograd.grad` returned."""
        inputs = args[1] if len(args) > 1 else kwargs.get("inputs")
        asked = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs or ())
        for tensor, gradient in zip(asked, result, strict=False):
            is_inner = isinstance(tensor, torch.Tensor) and not tensor.is_leaf
            if is_inner and isinstance(gradient, torch.Tensor):
                self._gradients.note_captured(tensor, gradient)
        event = self._follower.expected(_GRAD)
        if event is not None:
            seen = self._follower.begin(event, frame, args, kwargs)
            if seen is not None and self._follower.finish(event, seen, result):
                return
        call = self._ops.begin(_GRAD, "grad", args, kwargs, frame)
        self._ops.note(call, result)

    def _run_past(
        self,
        place: Place,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a function of torch's so that we see the calls inside of it."""
        torch._C._push_on_torch_function_stack(self)
        try:
            return place(_PAST_US, (func, types, args, kwargs), {})
        finally:
            count = torch._C._len_torch_function_stack()
            if count and torch._C._get_function_stack_at(count - 1) is self:
                torch._C._pop_torch_function_stack()

    def _open(
        self,
        place: Place,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a function of torch's that is shown by the ops that it is made of."""
        result = None
        self._guarded(self._ops.enter, func.__name__)
        try:
            result = self._run_past(place, func, types, args, kwargs)
        finally:
            self._guarded(self._ops.leave, result)
        return result

    def _run_inside(
        self,
        frame: FrameType,
        place: Place,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a call that was made inside of a backward."""
        if func in BACKWARD:
            self._guarded(self._gradients.open, args)
            return self._run_past(place, func, types, args, kwargs)
        name = getattr(func, "__name__", "")
        where = call = None
        if self.is_live and name not in _UNSEEN_INSIDE:
            where = self._guarded(self._inside.place, frame, name, _RUNNER)
        if where is not None:
            call = self._guarded(self._inside.begin, func, name, args, kwargs, frame)
        if call is None or where is None:
            return place(func, args, kwargs)
        try:
            result = place(func, args, kwargs)
        except Exception as stop:
            if type(stop).__name__ == STOPPED:
                self._guarded(self._inside.note_stopped, call, where)
            raise
        self._guarded(self._inside.note, call, result, where)
        return result

    def _begin_backward(self, args: tuple[Any, ...]) -> None:
        self._names.apply()
        self._gradients.begin(args, self._updates.site())


_RUNNER: Final = CaptureMode._run_backward.__code__
