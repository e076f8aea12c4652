"""One step with its numbers, and a sequence of them.

A `Trace` pairs a `Graph` with what was observed in each of its slots. `Recording` is
what everything above the storage layer reads: in memory, from a file, or a test fake.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from graphscope.errors import UnknownNameError
from graphscope.model.graph import EventKind, Graph, Op, OpKind, Role, Value, ValueKind
from graphscope.model.kept import KeptGraph
from graphscope.model.names import nearest_names
from graphscope.model.observation import Observation


class Status(StrEnum):
    """How a step ended."""

    COMPLETE = "complete"
    OPEN = "open"  # the trace ended before an update closed the step
    ABORTED = "aborted"  # an exception ended it; `Trace.error` says which


@dataclass(frozen=True)
class Trace:
    """One step.

    Attributes:
        graph: Its structure.
        step: 0-based index in the recording.
        observations: One entry for each slot of `graph`. None means that torch had no
            tensor there (`w.grad is None`); an `Observation` without numbers means
            that there was one which could not be read.
        status: How it ended.
        error: Type and message of the exception, when aborted; why the training was
            ended, when somebody has stopped it in a step that is open.
        sources: Text of the user's files by the path that sites use.
        kept: Graphs of earlier steps that were still alive when this one was over.
    """

    graph: Graph
    step: int = 0
    observations: Sequence[Observation | None] = ()
    status: Status = Status.COMPLETE
    error: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[KeptGraph, ...] = ()

    def seen(self, slot: int) -> Observation | None:
        """Return what was observed in slot number `slot`."""
        return self.observations[slot]

    def slots_of(self, value: int, role: Role) -> tuple[int, ...]:
        """Return the slots about `value` with `role`, in order of time."""
        slots = self.graph.value_slots.get(value, ())
        return tuple(s for s in slots if self.graph.slots[s].role is role)

    def last_seen(self, value: int, role: Role) -> Observation | None:
        """Return the last observation about `value` with `role`, or None."""
        slots = self.slots_of(value, role)
        return self.observations[slots[-1]] if slots else None

    def value_of(self, value: int) -> Observation | None:
        """Return the numbers of the value itself."""
        return self.last_seen(value, Role.VALUE)

    def arrivals(self, value: int) -> tuple[tuple[int, Observation | None], ...]:
        """Return `(event, gradient)` for each time a gradient reached `value`.

        For leaves what arrived before accumulation, for other values the sum over
        all edges, as the autograd node of the value received it.
        """
        found = [
            (self.graph.slots[slot].event, self.observations[slot])
            for slot in self.graph.value_slots.get(value, ())
            if self.graph.slots[slot].role in (Role.ARRIVED, Role.GRAD_OUTPUT)
        ]
        return tuple(found)

    def gradient_of(self, value: int) -> Observation | None:
        """Return the gradient that last arrived at `value`, or None."""
        arrived = self.arrivals(value)
        return arrived[-1][1] if arrived else None

    def accumulations(self, value: int, role: Role) -> list[Observation | None]:
        """Return a leaf's `.grad` BEFORE or AFTER each accumulation, in order."""
        events = self.graph.events
        return [
            self.observations[slot]
            for slot in self.slots_of(value, role)
            if events[self.graph.slots[slot].event].kind is EventKind.ACCUMULATE
        ]

    def updated_to(self, value: int) -> Observation | None:
        """Return a leaf's numbers after the step's last update, whoever made it.

        None when nothing updated it.
        """
        by_optimizer = self.last_seen(value, Role.UPDATED)
        if by_optimizer is not None:
            return by_optimizer
        newest = value
        for later in self.graph.values:
            if later.previous == newest and self.is_updated(later):
                newest = later.id
        return None if newest == value else self.value_of(newest)

    def resolve(self, name: str) -> Value:
        """Find the value that a user means by `name`.

        When several values have the name, those made outside of modules go before
        those inside (`h` of the training loop before `h` of some `forward`), and
        what the forward pass used before what an update made of it; of the rest (a
        name assigned in each of three passes) it is the last.

        Raises:
            UnknownNameError: No value has the name; lists the nearest three.
        """
        ids = self.graph.names.get(name)
        if not ids:
            near = nearest_names(name, self.graph.names)
            names = ", ".join(near)
            hint = f"Nearest names: {names}." if near else "The step has no names."
            raise UnknownNameError(
                f"No value is named {name!r} in step {self.step}. {hint}"
            )
        return self.choose(ids)

    def choose(self, same_name: Sequence[int]) -> Value:
        """Return which of several values of one name a user means; see `resolve`."""
        values = [self.graph.values[i] for i in same_name]
        plain = [v for v in values if v.kind is not ValueKind.GRADIENT]
        found = [v for v in plain if not self.is_updated(v)] or plain or values
        outermost = min(self._depth_of(v) for v in found)
        return [v for v in found if self._depth_of(v) == outermost][-1]

    def _depth_of(self, value: Value) -> int:
        """Return how many modules deep a value was made; leaves are outside."""
        scope = "" if value.op is None else self.graph.ops[value.op].scope
        return scope.count(".") + 1 if scope else 0

    def is_updated(self, value: Value) -> bool:
        """Whether `value` is what an update made of a leaf of this step.

        What was written into a leaf before any backward set it up, and is what the
        forward pass used.
        """
        if value.previous is None:
            return False
        graph = self.graph
        if value.op is None:
            before = graph.value_slots.get(value.previous, ())
            if any(graph.slots[slot].role is Role.UPDATED for slot in before):
                return True
            own = graph.value_slots.get(value.id, ())
            seen = graph.slots[own[0]].event if own else len(graph.events)
            return seen > graph.first_backward
        is_written = graph.ops[value.op].kind is OpKind.UPDATE
        event = graph.op_events.get(value.op, 0)
        return is_written and event > graph.first_backward

    def loss(self) -> float | None:
        """Return the scalar that the step's last backward started from, if it was one.

        Read by timelines and loss curves.
        """
        for root in reversed(self.graph.roots):
            seen = self.value_of(root)
            number = seen.scalar if seen is not None else None
            if isinstance(number, int | float):
                return float(number)
        return None

    def event_title(self, index: int) -> str:
        """Describe event `index` in a few words, for lists and timelines."""
        graph, event = self.graph, self.graph.events[index]
        names = ", ".join(self.title_of(v) for v in event.values)
        if event.kind is EventKind.OP and event.op is not None:
            name = graph.ops[event.op].name
            return f"{names} = {name}" if names else name
        if event.kind is EventKind.GRAD and event.grad_node is not None:
            return graph.grad_nodes[event.grad_node].name
        verbs = {
            EventKind.ACCUMULATE: "accumulate",
            EventKind.CAPTURE: "gradient of",
            EventKind.ZERO: f"zero {event.label}".rstrip(),
            EventKind.UPDATE: f"{event.label} update".lstrip(),
        }
        return f"{verbs.get(event.kind, event.kind.value)} {names}".rstrip()

    def title_of(self, value: int) -> str:
        """Name a value: the user's name, else its expression, else its op and id."""
        found = self.graph.values[value]
        if found.name:
            return found.name
        if found.op is not None:
            op = self.graph.ops[found.op]
            if len(op.outputs) == 1 and op.site and self.has_own_expression(op):
                return " ".join(op.site.expression.split())
            place = f" in {op.scope}" if op.scope else f"#{found.id}"
            return op.name + place
        return f"{found.kind.value}#{found.id}"

    def has_own_expression(self, op: Op) -> bool:
        """Whether the expression at the op's site is what this very op computed.

        All ops inside of a library module carry the user's call, `model(x)`. It
        belongs to the last of them only, the one that no op from the same site reads.
        """
        graph = self.graph
        if op.site is None or not op.site.expression:
            return False
        if any(graph.values[v].name for v in op.outputs):
            return True
        readers = (reader for v in op.outputs for reader in graph.consumers.get(v, ()))
        return all(graph.ops[reader].site != op.site for reader in readers)


class Recording(Protocol):
    """A sequence of traces with its environment, wherever it is kept."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Versions, platform, script and its arguments, as text."""

    def __len__(self) -> int:
        """Return the number of steps so far; it may grow while it is written."""

    def __getitem__(self, step: int) -> Trace:
        """Return one step.

        Raises:
            StepRangeError: There is no such step.
        """

    def __iter__(self) -> Iterator[Trace]:
        """Iterate over the steps."""

    def losses(self) -> Sequence[float | None]:
        """Return `Trace.loss()` of every step, without decoding them one by one."""
