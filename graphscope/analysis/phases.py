"""The five numbered steps of a training iteration, in the order in which they ran."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.model.graph import Event, EventKind, Graph, OpKind, Phase


@dataclass(frozen=True, slots=True)
class PhaseRun:
    """Consecutive events of one phase in one pass."""

    phase: Phase
    start: int
    stop: int


def find_runs(events: Sequence[Event]) -> tuple[PhaseRun, ...]:
    """Divide the events of a step into runs of one phase each."""
    runs: list[PhaseRun] = []
    before: tuple[Phase, int] | None = None
    for event in events:
        here = (event.phase, event.pass_index)
        if here == before:
            last = runs.pop()
            runs.append(PhaseRun(last.phase, last.start, event.index + 1))
        else:
            runs.append(PhaseRun(event.phase, event.index, event.index + 1))
        before = here
    return tuple(runs)


def describe_run(graph: Graph, run: PhaseRun) -> str:
    """Write what a phase did: its number and name, and how much of it there was."""
    events = graph.events[run.start : run.stop]
    labels = dict.fromkeys(event.label for event in events if event.label)
    title = f"{run.phase.value} {run.phase.name.lower()}"
    if run.phase is Phase.BACKWARD:
        count = sum(event.kind is EventKind.GRAD for event in events)
        return f"{title} ({_plural(count, 'node')})"
    if run.phase is Phase.UPDATE and not any(_is_update(graph, e) for e in events):
        return f"after it ({_plural(len(events), 'op')})"
    if run.phase in (Phase.ZERO, Phase.UPDATE):
        how = ", ".join(labels) or _by_hand(events)
        return f"{title} ({how})" if how else title
    return f"{title} ({_plural(len(events), 'op')})"


def _is_update(graph: Graph, event: Event) -> bool:
    if event.kind is EventKind.UPDATE:
        return True
    return event.op is not None and graph.ops[event.op].kind is OpKind.UPDATE


def _by_hand(events: Sequence[Event]) -> str:
    return "by hand" if any(event.op is not None for event in events) else ""


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
