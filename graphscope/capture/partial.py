"""The step that is running, as far as it got: what a debugger shows of it.

A step that repeats the last one uses that one's records, which say more than has
happened yet. What later events changed in them is taken back while they are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from graphscope.capture.freeze import freeze_step
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.reader import UNREAD, Reading
from graphscope.capture.records import RawEvent, RawSlot, RawValue, records_of
from graphscope.model.graph import Gap, Phase, Scope
from graphscope.model.packed import SlotTable
from graphscope.model.trace import Status, Trace

_NAMES: Final = frozenset({"name", "also"})


def freeze_partial(
    journal: Journal,
    table: TensorTable,
    sources: Mapping[str, str],
    *,
    ahead: RawEvent | None,
    names: Mapping[RawValue, str],
) -> Trace:
    """Return the step so far; nothing of what is recorded is other afterwards.

    Args:
        journal: Has its events. Its lock must be held.
        table: Has their numbers.
        sources: Text of the user's files.
        ahead: The event of an autograd node that is about to run.
        names: Names of values that have none of their own yet.
    """
    events = [*journal.events, *([ahead] if ahead is not None else [])]
    with _as_of_now(journal), _named(names):
        graph, holders = freeze_step(
            events,
            roots=journal.roots,
            scopes=tuple(Scope(p, c) for p, c in journal.scopes.items()),
            gaps=tuple(Gap(None, reason) for reason in journal.gaps),
            phases=_known_phases(journal, len(events)),
        )
    readings = [_reading_of(holder, table) for holder in holders]
    return Trace(
        graph=graph,
        step=journal.step,
        observations=table.readings.pack(readings, SlotTable(graph.slots)),
        status=Status.OPEN,
        sources=dict(sources),
    )


@contextmanager
def _as_of_now(journal: Journal) -> Iterator[None]:
    """Take back what events that have not come again changed in earlier records."""
    script = journal.replay.script
    if script is None:
        yield
        return
    moment, used = 2 * journal.replay.cursor, records_of(journal.events)
    later = [
        change
        for change in script.changes
        if change.moment > moment
        and change.record in used
        and change.attribute not in _NAMES  # a step later they are known from the start
    ]
    final = [(c.record, c.attribute, getattr(c.record, c.attribute)) for c in later]
    try:
        for change in reversed(later):
            setattr(change.record, change.attribute, change.before)
        yield
    finally:
        for record, attribute, found in final:
            setattr(record, attribute, found)


@contextmanager
def _named(names: Mapping[RawValue, str]) -> Iterator[None]:
    try:
        for value, name in names.items():
            value.name = name
        yield
    finally:
        for value in names:
            value.name = None


def _known_phases(journal: Journal, count: int) -> Sequence[Phase] | None:
    """Return the phases of a step that repeats another, which knows its loss."""
    script = journal.replay.script
    if script is None or count > len(script.events):
        return None
    return [event.phase for event in script.graph.events[:count]]


def _reading_of(holder: RawValue | RawSlot, table: TensorTable) -> Reading:
    """Return what was read in this step; of a value that was not seen in it nothing."""
    if holder.seen is None:
        return UNREAD
    if isinstance(holder, RawSlot) or holder.step == table.step:
        return holder.seen
    known = holder.known
    return holder.seen if known is not None and known.value is holder else UNREAD
