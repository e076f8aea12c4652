"""An event of a recorded step, as a debugger asks about it.

What comes later in the step is not known, though it is in the recording: conditions and
watches come to the same as they did when training was there.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from graphscope.debugger.arrival import Aspect
from graphscope.errors import StepRangeError, UnknownNameError
from graphscope.model.graph import (
    Event,
    EventKind,
    GradNode,
    Op,
    Phase,
    Role,
    Slot,
    Value,
    ValueKind,
)
from graphscope.model.names import nearest_names
from graphscope.model.observation import Observation
from graphscope.model.packed import PackedNumbers
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_VALUES: Final = (Role.VALUE, Role.UPDATED)
_ACCUMULATED: Final = (Role.AFTER,)
_ARRIVED: Final = (Role.ARRIVED, Role.GRAD_OUTPUT)
_COMES_IN: Final = (Role.ARRIVED, Role.GRAD_OUTPUT, Role.BEFORE)


@dataclass(frozen=True, slots=True)
class RecordedArrival:
    """Satisfies `graphscope.debugger.arrival.Arrival`.

    Attributes:
        trace: The step.
        event: 0-based event in it.
        is_before: Whether the event is an autograd node that has not run yet.

    Raises:
        StepRangeError: The step has no such event.
    """

    trace: Trace
    event: int
    is_before: bool = False

    def __post_init__(self) -> None:
        """Refuse an event that there is not."""
        count = len(self.trace.graph.events)
        if not 0 <= self.event < count:
            raise StepRangeError(
                f"Step {self.trace.step} has {count} events, none with index "
                f"{self.event}."
            )

    @property
    def _event(self) -> Event:
        return self.trace.graph.events[self.event]

    @property
    def _node(self) -> GradNode | None:
        found = self._event.grad_node
        return None if found is None else self.trace.graph.grad_nodes[found]

    @property
    def _made_by(self) -> Op | None:
        """The op that ran, or that made the node."""
        op, node = self._event.op, self._node
        if op is None and node is not None:
            op = node.op
        return None if op is None else self.trace.graph.ops[op]

    @property
    def _told(self) -> Sequence[int]:
        """The values that the event is about."""
        node = self._node
        if self.kind is EventKind.GRAD and node is not None:
            return [v for v in node.outputs if v is not None]
        return self._event.values

    @property
    def kind(self) -> EventKind:
        """What happens."""
        return self._event.kind

    @property
    def step(self) -> int:
        """0-based number of the step."""
        return self.trace.step

    @property
    def pass_index(self) -> int:
        """0-based pass in the step."""
        return self._event.pass_index

    @property
    def index(self) -> int:
        """0-based event in the step."""
        return self.event

    @property
    def phase(self) -> Phase:
        """Which of the five numbered steps it belongs to."""
        return self._event.phase

    @property
    def op(self) -> str:
        """The operator's plain name, or the optimizer's class; else empty."""
        if self.kind is EventKind.UPDATE:
            return self._event.label
        made = self._made_by
        return made.name if made is not None else ""

    @property
    def node(self) -> str:
        """The autograd node's name (`MulBackward0`), empty for other events."""
        node = self._node
        return node.name if node is not None and self.kind is EventKind.GRAD else ""

    @property
    def scope(self) -> str:
        """Module path: `encoder.layers.3.attn`; empty outside of modules."""
        made = self._made_by
        return made.scope if made is not None else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The user's names of the values that it is about."""
        values = (self.trace.graph.values[v] for v in self._told)
        named = (v for v in values if v.kind is not ValueKind.CONSTANT)
        return tuple(v.name for v in named if v.name)

    @property
    def site(self) -> Site | None:
        """The user's line; of a node that of the op whose forward made it."""
        made = self._made_by
        if self.kind is EventKind.GRAD and made is not None and made.site is not None:
            return made.site
        return self._event.site

    def numbers(self) -> Iterator[Observation | None]:
        """Yield what was seen during the event; None is a gradient that is None."""
        for index, slot in self._own_slots():
            if self._is_known(slot):
                yield self.trace.seen(index)

    @property
    def is_finite(self) -> bool:
        """Whether those numbers are known to be neither NaN nor Inf."""
        found = self.trace.observations
        return isinstance(found, PackedNumbers) and found.is_finite

    def own(self, aspect: Aspect) -> Observation | None:
        """Return the event's own numbers: what a bare `value` or `grad` means."""
        value = next(iter(self._told), None)
        if aspect is Aspect.VALUE:
            return None if value is None else self._value_of(value)
        is_sum = self.kind in {EventKind.ACCUMULATE, EventKind.ZERO}
        roles = _ACCUMULATED if aspect is Aspect.GRAD and is_sum else _ARRIVED
        for index, slot in reversed(list(self._own_slots())):
            is_own = slot.value == value or slot.position == 0
            if slot.role in roles and is_own:
                return self.trace.seen(index)
        return None

    def named(self, name: str, aspect: Aspect) -> Observation | None:
        """Return the latest numbers of the value that the user calls `name`.

        None when the value has none of them yet in this step.

        Raises:
            UnknownNameError: Nothing in the step so far has the name.
        """
        value = self._resolve(name)
        if aspect is Aspect.VALUE:
            return self._value_of(value.id)
        is_sum = aspect is Aspect.GRAD and value.is_leaf
        newest = max(self._versions(value.id), default=value.id)
        version = self.trace.graph.values[newest]
        return self._gradient_of(version, _ACCUMULATED if is_sum else _ARRIVED)

    def loss(self) -> float | None:
        """Return the scalar that the user's loss is, None when it is not known yet."""
        graph = self.trace.graph
        roots = (r for r in reversed(graph.roots) if self._has_begun(r))
        names = [v for v in graph.names.get("loss", ()) if self._is_made(v)]
        named = (self.trace.choose(names).id,) if names else ()
        for value in chain(roots, named):
            seen = self._value_of(value)
            number = seen.scalar if seen is not None else None
            if isinstance(number, int | float):
                return float(number)
        return None

    def without_gradient(self) -> Iterable[str]:
        """Name the parameters that backward should have reached and has not.

        Of the models that an optimizer has a parameter of: the others are another
        optimizer's.
        """
        if self.kind is not EventKind.UPDATE:
            return
        updated = set(self.names)
        for owned in self._models():
            if owned & updated:
                yield from sorted(n for n in owned - updated if not self._has_grad(n))

    def known_names(self) -> Collection[str]:
        """All names that `named` takes."""
        names = self.trace.graph.names
        return [name for name, ids in names.items() if any(map(self._is_made, ids))]

    def _own_slots(self) -> Iterator[tuple[int, Slot]]:
        for index in range(*self._event.slots):
            yield index, self.trace.graph.slots[index]

    def _is_known(self, slot: Slot) -> bool:
        """Whether a slot's numbers have been seen by now."""
        if slot.event == self.event:
            return not self.is_before or slot.role in _COMES_IN
        if slot.event < self.event:
            return True
        is_of_leaf = slot.role is Role.VALUE and slot.value is not None
        return is_of_leaf and self._made_at(slot.value or 0) < 0

    def _made_at(self, value: int) -> int:
        """Return the event that made a value, -1 for what was there from the start."""
        graph, found = self.trace.graph, self.trace.graph.values[value]
        if found.op is not None:
            return graph.op_events.get(found.op, -1)
        if found.previous is None and found.kind is not ValueKind.GRADIENT:
            return -1
        slots = graph.value_slots.get(value, ())
        return graph.slots[slots[0]].event if slots else len(graph.events)

    def _is_made(self, value: int) -> bool:
        return self._made_at(value) <= self.event

    def _latest(self, value: int, roles: Collection[Role]) -> int | None:
        """Return the last slot about a value that is known by now."""
        graph = self.trace.graph
        for index in reversed(graph.value_slots.get(value, ())):
            slot = graph.slots[index]
            if slot.role in roles and self._is_known(slot):
                return index
        return None

    def _value_of(self, value: int) -> Observation | None:
        """Return the latest numbers: what an update left, after it."""
        newest = max(self._versions(value), default=value)
        slot = self._latest(newest, _VALUES)
        if slot is None and newest != value:
            slot = self._latest(value, _VALUES)
        return None if slot is None else self.trace.seen(slot)

    def _versions(self, value: int) -> Iterator[int]:
        """Yield what updates by the user's own code have made of a leaf by now."""
        found = self.trace.graph.values[value]
        if not found.is_leaf or not found.name:
            return
        for later in self.trace.graph.names.get(found.name, ()):
            if later > value and self._descends(later, value) and self._is_made(later):
                yield later

    def _descends(self, value: int | None, ancestor: int) -> bool:
        while value is not None and value > ancestor:
            value = self.trace.graph.values[value].previous
        return value == ancestor

    def _gradient_of(self, value: Value, roles: Collection[Role]) -> Observation | None:
        """Return the latest gradient; of a leaf in any of its versions."""
        found: Value | None = value
        while found is not None:
            slot = self._latest(found.id, roles)
            if slot is not None:
                return self.trace.seen(slot)
            is_older = found.is_leaf and found.previous is not None
            found = self.trace.graph.values[found.previous or 0] if is_older else None
        return None

    def _resolve(self, name: str) -> Value:
        ids = [v for v in self.trace.graph.names.get(name, ()) if self._is_made(v)]
        if ids:
            return self.trace.choose(ids)
        near = ", ".join(nearest_names(name, self.known_names()))
        hint = f"Nearest names: {near}." if near else "It has no names yet."
        raise UnknownNameError(
            f"No value is named {name!r} in step {self.step} so far. {hint}"
        )

    def _has_begun(self, root: int) -> bool:
        """Whether backward has started from `root` by now."""
        graph = self.trace.graph
        node = graph.values[root].grad_node
        events = graph.grad_events.get(node, ()) if node is not None else ()
        first = events[0] if events else graph.first_backward
        return self._is_made(root) and 0 <= first <= self.event

    def _models(self) -> Iterable[set[str]]:
        """Return for each outermost call the parameters that its modules own."""
        graph = self.trace.graph
        outermost: list[int] = []
        found: dict[int, set[str]] = {}
        for position, call in enumerate(graph.calls):
            outer = position if call.parent is None else outermost[call.parent]
            outermost.append(outer)
            owned = (graph.parameters[p] for p in call.parameters)
            names = {p.name for p in owned if p.requires_grad}
            found.setdefault(outer, set()).update(names)
        return found.values()

    def _has_grad(self, name: str) -> bool:
        ids = self.trace.graph.names.get(name, ())
        slots = (self._latest(value, _ACCUMULATED) for value in ids)
        return any(s is not None and self.trace.seen(s) is not None for s in slots)
