"""Which calls of modules a step's ops ran in, and what those calls took and returned.

An op refers to the call that it ran in. So when a step repeats the last one, and its
records are used again, the calls come with them and cost nothing. Calls without an op
of their own (`nn.Identity`) are listed by the next event, or by the last event of the
outermost module that they ran in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import Any, Final

import torch
from torch.nn.parameter import is_lazy

from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.records import RawCall, RawOp, calls_of
from graphscope.capture.tensors import dtype_name, flatten_tensors, shape_of
from graphscope.model.calls import ModuleParameter, TensorType

_MAX_TENSORS: Final = 16
_NUMBERS: Final = count()


@dataclass(slots=True, eq=False)
class Running:
    """A module that runs, or a function of torch's that is shown from inside.

    Attributes:
        key: Python id of the module; negative for a function.
        path: Its scope.
        class_name: Its class; empty for a function.
        parent: The module that called it.
        training: Whether it is in training mode.
        begun: After how many events of the recording.
        depth: How many modules are around it.
        inner: Keys of the modules that it called.
        call: The record of the call, from its first op on.
    """

    key: int
    path: str
    class_name: str = ""
    parent: "Running | None" = None
    training: bool | None = None
    begun: int = 0
    depth: int = 0
    inner: set[int] = field(default_factory=set)
    call: RawCall | None = None

    @property
    def module(self) -> "Running | None":
        """The module that runs, or that called the function that runs."""
        return self if self.class_name else self.parent


class ModuleCalls:
    """Writes the calls of modules down, for one recorder.

    Attributes:
        is_read: Whether an op of the step has read a tensor.
    """

    def __init__(self, journal: Journal, table: TensorTable) -> None:
        self.is_read = table.is_read
        self._set_by = table.set_by
        self._journal = journal
        self._training: dict[int, bool | None] = {}
        self._parameters: dict[int, ModuleParameter] = {}
        self._waiting: list[Running] = []
        self._waits_at = 0
        journal.take_idle = self.take_idle

    def begin(
        self,
        module: torch.nn.Module,
        key: int,
        path: str,
        around: Running | None,
    ) -> Running:
        """Note that `module`, called as `key`, begins to run inside of `around`."""
        parent = None if around is None else around.module
        training = getattr(module, "training", None)
        running = Running(
            key,
            path,
            type(module).__name__,
            parent,
            training if isinstance(training, bool) else None,
            self._now(),
        )
        if parent is not None:
            parent.inner.add(key)
            running.depth = parent.depth + 1
        if self._journal.replay.is_active and self._is_switched(running):
            self._journal.leave()
        self._training[key] = running.training
        return running

    def _is_switched(self, running: Running) -> bool:
        """Whether a module is in another mode than in the step that is repeated.

        That may change no op. One without an op of its own is compared with its last
        call.
        """
        event = self._journal.replay.expected
        call = None if event is None or event.op is None else event.op.call
        while call is not None and call.path != running.path:
            call = call.parent
        if call is not None:
            return call.training is not running.training
        return self._training.get(running.key, running.training) is not running.training

    def end(
        self, running: Running, module: torch.nn.Module, given: Any, returned: Any
    ) -> None:
        """Note what a module was given and returned."""
        is_repeated = self._journal.replay.is_active
        has_events = self._now() > running.begun
        call = running.call
        if has_events and not is_repeated:
            call = self._call_of(running)
        elif call is None and not has_events:
            call = running.call = _record_of(running)
            self._wait(running)
        if call is not None:
            call.inputs, call.outputs = _types_of(given), _types_of(returned)
            call.parameters = tuple(self._owned(module, running))
        if running.parent is None and has_events and not is_repeated:
            self._journal.events[-1].trailing = self.take_idle()

    def note(self, op: RawOp, around: Running | None) -> None:
        """Let a new op say in which call it runs."""
        if self._waiting and self._waits_at == self._now():
            for idle in self._waiting:
                self._call_of(idle)
        running = None if around is None else around.module
        if running is not None:
            op.call = self._call_of(running)

    def take_idle(self) -> tuple[RawCall, ...]:
        """Return the calls without an op since the last event, each once."""
        if not self._waiting:
            return ()
        waiting, self._waiting = self._waiting, []
        is_valid = self._waits_at == self._now()
        return tuple(map(self._call_of, waiting)) if is_valid else ()

    def move_below(self, name: str) -> None:
        """Put the model that was the only one below its name: there is another now.

        Only in the first step, whose records no other step shares. Its ops would else
        be at other paths than its parameters, which are named anew.
        """
        if self._journal.step:
            return
        events = self._journal.events
        calls = {call for one in calls_of(events) for call in one.lineage()}
        inner = {call for call in calls if not [*call.lineage()][-1].path}
        ops = [e.op for e in events if e.op is not None and e.op.call in inner]
        moved = {call.path for call in inner} | {op.scope for op in ops}
        owned = {id(p): p for call in inner for p in call.parameters}
        renamed = {
            key: replace(p, name=_below(name, p.name)) for key, p in owned.items()
        }
        for call in inner:
            call.path = _below(name, call.path)
            call.parameters = tuple(renamed[id(p)] for p in call.parameters)
        for op in ops:
            op.scope = _below(name, op.scope)
            op.arguments = [
                (key, value, below if text and value and value.name == below else text)
                for key, value, text in op.arguments
                for below in (_below(name, text),)
            ]
        self._journal.is_renamed = True
        self._parameters = {
            key: renamed.get(id(p), p) for key, p in self._parameters.items()
        }
        scopes = list(self._journal.scopes.items())
        self._journal.scopes.clear()
        for path, class_name in scopes:
            kept = _below(name, path) if path in moved else path
            self._journal.scopes[kept] = class_name

    def clear(self) -> None:
        """Forget every module."""
        self._parameters.clear()
        self._training.clear()
        self._waiting.clear()
        self._waits_at = 0

    def _now(self) -> int:
        """Return how many events there were."""
        return self._journal.passed + len(self._journal.events)

    def _wait(self, running: Running) -> None:
        """Keep a call without an op until the next event lists it."""
        now = self._now()
        if self._waits_at != now:
            self._waiting.clear()
            self._waits_at = now
        self._waiting.append(running)

    def _call_of(self, running: Running) -> RawCall:
        """Return the record of a call, which has its place in time from now on."""
        call = running.call
        if call is None:
            call = self._resumed(running)
            if call is None:
                call = _record_of(running)
            running.call = call
        if call.number < 0:
            parent = running.parent
            call.parent = None if parent is None else self._call_of(parent)
            call.number = next(_NUMBERS)
        return call

    def _resumed(self, running: Running) -> RawCall | None:
        """Return the call that the ops so far say, which are of the step before."""
        start = max(running.begun - self._journal.passed, 0)
        for event in reversed(self._journal.events[start:]):
            if event.op is not None and event.op.call is not None:
                line = [*event.op.call.lineage()][::-1]
                found = line[running.depth] if running.depth < len(line) else None
                is_it = found is not None and found.path == running.path
                return found if is_it else None
        return None

    def _owned(
        self, module: torch.nn.Module, running: Running
    ) -> Iterator[ModuleParameter]:
        """Yield each parameter that a module owns, or uses of modules inside it.

        Of a module that called others it is what those do not own.
        """
        seen: set[int] = set()
        for path, tensor in _walk(module, running.path, running.inner, self.is_read):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield self._parameter(path, tensor)

    def _parameter(self, name: str, tensor: torch.Tensor) -> ModuleParameter:
        """Return the record of a parameter: one, whatever modules share it."""
        wants = tensor.requires_grad
        made = ModuleParameter(
            name, shape_of(tensor), dtype_name(tensor), wants, self._set_by(tensor)
        )
        known = self._parameters.get(id(tensor))
        if known is not None and _is_like(known, made):
            return known
        self._parameters[id(tensor)] = made
        return made


def _below(name: str, path: str) -> str:
    return f"{name}.{path}" if path else name


def _record_of(running: Running) -> RawCall:
    return RawCall(running.path, running.class_name, training=running.training)


def _walk(
    module: torch.nn.Module,
    path: str,
    called: set[int],
    is_read: Callable[[torch.Tensor], bool],
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what a module owns, and what of those inside it that were not called.

    Where some were called, the others may be unused: only what was read counts then.
    A module without a forward (`nn.ParameterList`) is never called.
    """
    prefix = f"{path}." if path else ""
    for key, tensor in module.named_parameters(recurse=False):
        if not is_lazy(tensor):
            yield f"{prefix}{key}", tensor
    for key, child in module.named_children():
        if id(child) in called:
            continue
        is_certain = not called or type(child).forward is torch.nn.Module.forward
        for name, inner in _walk(child, f"{prefix}{key}", called, is_read):
            if is_certain or is_read(inner):
                yield name, inner


def _is_like(one: ModuleParameter, other: ModuleParameter) -> bool:
    """Whether two records are of one parameter, as far as that can be told."""
    return (one.shape, one.dtype, one.requires_grad, one.set_by) == (
        other.shape,
        other.dtype,
        other.requires_grad,
        other.set_by,
    )


def _types_of(tree: Any) -> tuple[TensorType, ...]:
    return tuple(
        TensorType(shape_of(tensor), dtype_name(tensor))
        for _, tensor in islice(flatten_tensors(tree), _MAX_TENSORS)
    )
