"""An event that happens now, as a debugger asks about it.

`LiveArrival` has what `graphscope.debugger.arrival.Arrival` asks for, worked out of the
raw records when it is asked for; most events are let through on their kind or name.
`StepIndex` knows the running step by the user's names, as far as it has come.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from graphscope.capture.phases import Losses, PhaseTracker, places_of_losses
from graphscope.capture.reader import UNREAD
from graphscope.capture.records import RawEvent, RawOp, RawSlot, RawValue
from graphscope.capture.steps import is_update
from graphscope.errors import UnknownNameError
from graphscope.model.graph import EventKind, Phase, Role, ValueKind
from graphscope.model.names import nearest_names
from graphscope.model.observation import Observation
from graphscope.model.site import Site

if TYPE_CHECKING:
    from graphscope.capture.identity import TensorTable
    from graphscope.capture.journal import Journal

_ACCUMULATED: Final = (Role.AFTER,)
_ARRIVED: Final = (Role.ARRIVED, Role.GRAD_OUTPUT)


class StepIndex:
    """The running step by names, values and phases; grows when it is asked.

    It refers to the records of the events so far, and to no tensor.
    """

    def __init__(self, journal: "Journal", table: "TensorTable") -> None:
        self.journal = journal
        self._table = table
        self.clear()

    def clear(self) -> None:
        """Forget the step: another one begins, or it is not what it seemed to be."""
        self.names: dict[str, RawValue] = {}
        self._done = 0
        self._order: dict[RawValue, int] = {}
        self._next: dict[RawValue, RawValue] = {}
        self._called: dict[RawValue, list[str]] = {}
        self._about: defaultdict[RawValue, list[RawEvent]] = defaultdict(list)
        self._leaves: dict[int, list[RawValue]] = {}
        self._ops: set[RawOp] = set()
        self._phases: list[Phase] = []
        self._tracker = PhaseTracker()
        self._losses: Losses = set()
        self._roots = 0

    @property
    def step(self) -> int:
        """Number of the running step."""
        return self.journal.step

    def place_of(self, event: RawEvent) -> int | None:
        """Return the event's place in the step; None when it is not in it."""
        events = self.journal.events
        for place in range(len(events) - 1, -1, -1):
            if events[place] is event:
                return place
        return None

    def phase_at(self, place: int) -> Phase:
        """Return the phase, of a step that repeats another as that one's graph has it.

        Else an op is *loss* only when its line has been a loss in this step before.
        """
        script = self.journal.replay.script
        if script is not None and place < len(script.events):
            return script.graph.events[place].phase
        self.catch_up()
        return self._phases[place] if place < len(self._phases) else Phase.FORWARD

    def catch_up(self) -> None:
        """Look at the events that have come since."""
        events = self.journal.events
        for place in range(self._done, len(events)):
            self._add(events[place], place)
        self._done = len(events)

    def _add(self, event: RawEvent, place: int) -> None:
        if event.op is not None:
            self._ops.add(event.op)
        for value in _values_in(event):
            if value not in self._order:
                self._order[value] = len(self._order)
                if value.previous is not None:
                    self._next[value.previous] = value
                is_made = value.op is not None and value.op in self._ops
                if not is_made and value.seen is not None:
                    self._leaves.setdefault(place, []).append(value)
                self.note_names(value)
        for value in _told_of(event):
            self._about[value].append(event)
        roots = self.journal.roots
        if len(roots) != self._roots:
            self._roots, self._losses = len(roots), places_of_losses(roots)
        phase = self._tracker.next(event, self._losses, is_update(event))
        self._phases.append(phase)

    def note_names(self, value: object) -> None:
        """Let a value be found by its names, which may have come late."""
        if not isinstance(value, RawValue) or value not in self._order:
            return
        names = [n for n in (value.name, *value.also) if n is not None]
        if not set(self._called.get(value, ())).issubset(names):
            self.clear()  # it is called otherwise now, and others may be called so
            return
        if value.kind is ValueKind.CONSTANT:
            return
        self._called[value] = names
        for name in names:
            other = self.names.get(name)
            if other is None or self._precedence(value) <= self._precedence(other):
                self.names[name] = value

    def _precedence(self, value: RawValue) -> tuple[bool, int, int]:
        """Return what goes before what, of one name: see `Trace.resolve`."""
        scope = "" if value.op is None else value.op.scope
        depth = scope.count(".") + 1 if scope else 0
        return value.kind is ValueKind.GRADIENT, depth, -self._order[value]

    def leaves_at(self, place: int) -> list[RawValue]:
        """Return the values from outside that an event was the first to use."""
        self.catch_up()
        return self._leaves.get(place, [])

    def find(self, name: str) -> RawValue:
        """Return the latest value of a name, those outside of modules before others.

        Raises:
            UnknownNameError: Nothing in the step so far has the name.
        """
        self.catch_up()
        value = self.names.get(name)
        if value is not None:
            return value
        near = ", ".join(nearest_names(name, self.names))
        hint = f"Nearest names: {near}." if near else "It has no names yet."
        raise UnknownNameError(
            f"No value is named {name!r} in step {self.step} so far. {hint}"
        )

    def value_of(self, value: RawValue) -> Observation | None:
        """Return the latest numbers of a value: what an update left, after it."""
        value = self._newest(value)
        for event in reversed(self._about.get(value, ())):
            slot = _slot_in(event, value, (Role.UPDATED,))
            if slot is not None:
                return self.decode(slot)
        return self.decode(value)

    def _newest(self, value: RawValue) -> RawValue:
        """Return the last version of a leaf, what was written into it by hand."""
        is_leaf = value.is_leaf
        while is_leaf and value in self._next:
            value = self._next[value]
        return value

    def gradient_of(
        self, value: RawValue, roles: Collection[Role]
    ) -> Observation | None:
        """Return the latest gradient of a value; of a leaf in any of its versions."""
        self.catch_up()
        found: RawValue | None = self._newest(value)
        while found is not None:
            for event in reversed(self._about.get(found, ())):
                slot = _slot_in(event, found, roles)
                if slot is not None:
                    return self.decode(slot)
            found = found.previous if found.is_leaf else None
        return None

    def loss(self) -> float | None:
        """Return what backward started from last, else the value named `loss`."""
        self.catch_up()
        named = self.names.get("loss")
        for value in (*reversed(self.journal.roots), named):
            seen = self.decode(value) if value is not None else None
            number = seen.scalar if seen is not None else None
            if isinstance(number, int | float):
                return float(number)
        return None

    @property
    def is_finite(self) -> bool:
        """Whether all numbers that were read in this step are known to be finite."""
        return self._table.readings.reader.is_finite

    def decode(self, holder: RawValue | RawSlot) -> Observation | None:
        """Return the numbers that were read; a copy."""
        reading = UNREAD if holder.seen is None else holder.seen
        return self._table.readings.decode(reading, holder.shape, holder.dtype)


class LiveArrival:
    """One event of the step that is running.

    It holds while the thread is held, or the gate is asked; later the records may be
    those of another step.

    Attributes:
        is_before: Whether it is an autograd node that has not run yet.
        index: 0-based event in the step: the last one so far. Only a function of the
            user's own that is over comes before what ran inside of its backward.
    """

    __slots__ = ("_event", "_index", "_missing", "index", "is_before")

    def __init__(
        self,
        index: StepIndex,
        event: RawEvent,
        place: int,
        missing: tuple[str, ...] = (),
        *,
        is_before: bool = False,
    ) -> None:
        self.is_before = is_before
        self.index = place
        self._index = index
        self._event = event
        self._missing = missing

    @property
    def kind(self) -> EventKind:
        """What happens."""
        return self._event.kind

    @property
    def step(self) -> int:
        """0-based number of the step."""
        return self._index.step

    @property
    def pass_index(self) -> int:
        """0-based pass in the step."""
        return self._event.pass_index

    @property
    def phase(self) -> Phase:
        """Which of the five numbered steps it belongs to, as far as is known by now."""
        is_grad = self._event.kind is EventKind.GRAD
        return Phase.BACKWARD if is_grad else self._index.phase_at(self.index)

    @property
    def op(self) -> str:
        """The operator's plain name, or the optimizer's class; else empty."""
        if self._event.kind is EventKind.UPDATE:
            return self._event.label
        made = self._made_by
        return made.name if made is not None else ""

    @property
    def node(self) -> str:
        """The autograd node's name (`MulBackward0`), empty for other events."""
        node = self._event.node
        is_node = self._event.kind is EventKind.GRAD and node is not None
        return node.name.rpartition("::")[2] if node is not None and is_node else ""

    @property
    def scope(self) -> str:
        """Module path: `encoder.layers.3.attn`; empty outside of modules."""
        made = self._made_by
        return made.scope if made is not None else ""

    @property
    def _made_by(self) -> RawOp | None:
        """The op that ran, or that made the node."""
        event = self._event
        if event.op is not None:
            return event.op
        return event.node.op if event.node is not None else None

    @property
    def names(self) -> tuple[str, ...]:
        """The user's names of the values that it is about."""
        return tuple(v.name for v in _told_of(self._event) if v.name)

    @property
    def site(self) -> Site | None:
        """The user's line; of a node that of the op whose forward made it."""
        made = self._made_by
        if self._event.kind is EventKind.GRAD and made is not None and made.site:
            return made.site
        return self._event.site

    def numbers(self) -> Iterator[Observation | None]:
        """Yield what was seen during the event; None is a gradient that is None."""
        event, index = self._event, self._index
        if self.is_before:
            arrived = [slot for slot in event.slots if slot.role is Role.GRAD_OUTPUT]
            yield from map(index.decode, arrived)
            return
        for value in index.leaves_at(self.index):
            yield index.decode(value)
        for value in event.op.outputs if event.op is not None else ():
            yield index.decode(value)
        for slot in event.slots:
            yield index.decode(slot)

    @property
    def is_finite(self) -> bool:
        """Whether those numbers are known to be neither NaN nor Inf."""
        return self._index.is_finite

    def own(self, aspect: str) -> Observation | None:
        """Return the event's own numbers: what a bare `value` or `grad` means."""
        value = next(iter(_told_of(self._event)), None)
        if aspect == "value":
            return None if value is None else self._index.value_of(value)
        roles = _roles_of(aspect, self._event)
        for slot in reversed(self._event.slots):
            if slot.role in roles and (slot.value is value or slot.position == 0):
                return self._index.decode(slot)
        return None

    def named(self, name: str, aspect: str) -> Observation | None:
        """Return the latest numbers of the value that the user calls `name`.

        Raises:
            UnknownNameError: Nothing in the step so far has the name.
        """
        value = self._index.find(name)
        if aspect == "value":
            return self._index.value_of(value)
        arrived = _slot_in(self._event, value, _ARRIVED) if self.is_before else None
        if arrived is not None:
            return self._index.decode(arrived)
        is_sum = aspect == "grad" and value.is_leaf
        return self._index.gradient_of(value, _ACCUMULATED if is_sum else _ARRIVED)

    def loss(self) -> float | None:
        """Return the scalar that the user's loss is, None when it is not known yet."""
        return self._index.loss()

    def without_gradient(self) -> Iterable[str]:
        """Name the parameters that an update found without a gradient."""
        return self._missing

    def known_names(self) -> Collection[str]:
        """All names that `named` takes."""
        self._index.catch_up()
        return self._index.names.keys()


def _roles_of(aspect: str, event: RawEvent) -> Collection[Role]:
    is_sum = event.kind in (EventKind.ACCUMULATE, EventKind.ZERO)
    return _ACCUMULATED if aspect == "grad" and is_sum else _ARRIVED


def _told_of(event: RawEvent) -> Iterable[RawValue]:
    """Return the values that an event is about."""
    if event.kind is EventKind.GRAD and event.node is not None:
        outputs = event.node.outputs
        return [outputs[position] for position in sorted(outputs)]
    return event.values


def _values_in(event: RawEvent) -> Iterator[RawValue]:
    """Yield every value that an event mentions, what it was given first."""
    op = event.op
    given = [v for _, v, _ in op.arguments if v is not None] if op is not None else []
    made = op.outputs if op is not None else []
    for value in (*given, *made, *event.values):
        if value.owner is not None:
            yield value.owner
        yield value
    for slot in event.slots:
        if slot.value is not None:
            yield slot.value


def _slot_in(
    event: RawEvent, value: RawValue, roles: Collection[Role]
) -> RawSlot | None:
    for slot in reversed(event.slots):
        if slot.value is value and slot.role in roles:
            return slot
    return None
