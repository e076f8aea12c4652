"""Doing again what the last step did: its records, its graph, in the same order.

After the first step of a training loop every step makes the same events. So each event
is compared with the one that should come now; as long as they are the same, the
records of the last step are used again and only the numbers are written. At the first
difference the replay is left: what was replayed so far are this step's records, the
rest is recorded anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphscope.capture.records import RawEvent, RawOp, RawValue
from graphscope.model.graph import Graph
from graphscope.model.packed import SlotTable


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an earlier event's record, to be undone when it does not recur."""

    moment: int
    record: object
    attribute: str
    before: object


@dataclass(slots=True)
class Script:
    """A finished step that the next one may repeat.

    Attributes:
        events: Its records.
        graph: What they were frozen to.
        table: The slots of `graph`.
        holders: What has the reading of each slot.
        roots: What backward was called on.
        gaps: What could not be seen.
        scopes: How many modules were known.
        changes: Changes of earlier records, by the moment at which they were made.
        has_update: Whether an update ended it.
        uses: How often it was repeated.
        misses: How often in a row the next step turned out to be another one.
        places: Its values with their ids in `graph`, once somebody has asked.
    """

    events: list[RawEvent]
    graph: Graph
    table: SlotTable
    holders: Sequence[Any]
    roots: list[RawValue]
    gaps: list[str]
    scopes: int
    changes: list[Change]
    has_update: bool = False
    uses: int = 0
    misses: int = 0
    ops: set[RawOp] = field(default_factory=set)
    places: dict[RawValue, int] = field(default_factory=dict)

    def ends_with(
        self, roots: Sequence[RawValue], gaps: list[str], scopes: int
    ) -> bool:
        """Whether a step has these too, beside the events."""
        return (
            gaps == self.gaps
            and scopes == self.scopes
            and len(roots) == len(self.roots)
            and all(a is b for a, b in zip(roots, self.roots, strict=True))
        )

    def place_of(self, value: RawValue) -> int:
        """Return the id of a value in `graph`, -1 when it is none of the step's."""
        if not self.places:
            pairs = zip(self.holders, self.graph.slots, strict=True)
            self.places = {
                holder: slot.value
                for holder, slot in pairs
                if slot.value is not None and isinstance(holder, RawValue)
            }
        return self.places.get(value, -1)


def choose_script(last: Script, best: Script | None) -> Script:
    """Return the step to expect: the last, or a more frequent one that begins so.

    A step that logs or evaluates once in a while must not make the next one new.
    """
    if best is not None and best.events[0] is last.events[0]:
        return best
    return last


class Replay:
    """Where in the script the running step is.

    Attributes:
        script: The step that is repeated, None when nothing is.
        cursor: How many of its events have come.
        expected: The event that should come now.

    Args:
        on_stop: Called when nothing is expected any more.
    """

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self.script: Script | None = None
        self.cursor = 0
        self.expected: RawEvent | None = None
        self._on_stop = on_stop
        self._events: list[RawEvent] = []

    @property
    def is_active(self) -> bool:
        """Whether the running step is the same as the script so far."""
        return self.script is not None

    def start(self, script: Script) -> None:
        """Expect the events of `script` from its first one on."""
        self.script, self.cursor = script, -1
        self._events = script.events
        self.advance()

    def advance(self) -> None:
        """Note that the expected event has come."""
        cursor = self.cursor = self.cursor + 1
        events = self._events
        self.expected = events[cursor] if cursor < len(events) else None

    def stop(self) -> None:
        """Expect nothing."""
        self.script, self._events, self.cursor = None, [], 0
        self.expected = None
        self._on_stop()

    @property
    def is_at_end(self) -> bool:
        """Whether all of the script has come."""
        return self.script is not None and self.cursor == len(self._events)
