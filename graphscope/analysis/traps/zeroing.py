"""Gradients that were never zeroed: an update uses those of the steps before again."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.reading import is_equal, is_zero
from graphscope.analysis.evidence.updating import (
    UpdatedLeaf,
    update_site,
    updated_leaves,
)
from graphscope.analysis.evidence.wording import listing, norm_of, where
from graphscope.model.finding import Finding
from graphscope.model.graph import Event, EventKind, Graph, Role
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_MOST_PAIRS: Final = 64
_MOST_TURNS: Final = 4
_STEP_CALL: Final = re.compile(r"(?P<optimizer>[\w.\[\]]+)\.step\(")


class ZeroingCheck:
    """Compares a step with a few before it, the first time that two such follow.

    With the last alone it would not do: two optimizers take turns in a GAN, and the
    step that used the gradients before is the last but one.
    """

    def __init__(self) -> None:
        self._before: deque[Trace] = deque(maxlen=_MOST_TURNS)
        self._pairs: dict[tuple[int, int], tuple[Graph, Graph]] = {}

    def see(self, trace: Trace, facts: Facts) -> Iterator[Finding]:  # noqa: ARG002 - as all checks
        """Compare a step with those before."""
        if self._before and self._before[-1].step != trace.step - 1:
            self._before.clear()  # what lies between may have zeroed
        for before in self._before:
            key = id(before.graph), id(trace.graph)
            if key not in self._pairs and len(self._pairs) < _MOST_PAIRS:
                self._pairs[key] = before.graph, trace.graph
                found = find_zeroing_trap(before, trace)
                if found is not None:
                    yield found
        self._before.append(trace)

    def finish(self) -> tuple[Finding, ...]:
        """Return nothing more: every pair has been looked at."""
        return ()


def find_zeroing_trap(first: Trace, second: Trace) -> Finding | None:
    """Return a finding when a step's update used gradients of the step before.

    Adding up several backwards before one update is gradient accumulation and fine;
    an update that has used a gradient is what ends its use.
    """
    leaves = _reused(first, second)
    return _finding(first, second, leaves) if leaves else None


def _reused(first: Trace, second: Trace) -> list[UpdatedLeaf]:
    """Return the leaves that both steps updated, with the old gradient still there."""
    before = updated_leaves(first)
    return [
        leaf
        for name, leaf in updated_leaves(second).items()
        if name in before
        and leaf.stored is not None
        and not is_zero(leaf.stored)
        and is_equal(leaf.stored, before[name].used)
        and not _is_zeroed_after(second, leaf.value)
    ]


def _is_zeroed_after(trace: Trace, value: int) -> bool:
    """Whether `.grad` was zeroed after the first accumulation, before the update."""
    graph = trace.graph
    zeroed = [
        event.index
        for event in graph.events
        if event.kind is EventKind.ZERO and value in event.values
    ]
    used = [graph.slots[s].event for s in trace.slots_of(value, Role.USED)]
    added = _accumulations(trace, value)
    end = used[-1] if used else (added[-1].index if added else -1)
    return any(added and added[0].index < index < end for index in zeroed)


def _accumulations(trace: Trace, value: int) -> list[Event]:
    events = trace.graph.events
    found = (
        events[trace.graph.slots[s].event] for s in trace.slots_of(value, Role.BEFORE)
    )
    return [event for event in found if event.kind is EventKind.ACCUMULATE]


def _finding(first: Trace, second: Trace, leaves: Sequence[UpdatedLeaf]) -> Finding:
    names = [f"`{leaf.name}`" for leaf in leaves]
    leaf = leaves[0]
    arrived = second.gradient_of(leaf.value)
    backward = _accumulations(second, leaf.value)[0].site
    update = update_site(second)
    others = "" if len(names) == 1 else f" It is the same with {listing(names[1:])}."
    return Finding(
        kind="missing-zero-grad",
        title="The gradients are not zeroed between the updates",
        explanation=(
            f"Before backward{where(backward)} of step {second.step} the `.grad` of "
            f"{names[0]} is {norm_of(leaf.stored)}: the gradient of step {first.step}, "
            f"which its update{where(update_site(first))} has used. Backward adds "
            f"{_amount(norm_of(arrived))}, and the update uses the sum, "
            f"{norm_of(leaf.used)}.{others}"
        ),
        remedy=_remedy(update, leaf, backward),
        step=second.step,
        site=backward,
        values=tuple(leaf.value for leaf in leaves),
    )


def _amount(text: str) -> str:
    return f"one {text}" if text.startswith("of ") else text


def _remedy(update: Site | None, leaf: UpdatedLeaf, backward: Site | None) -> str:
    found = None if update is None else _STEP_CALL.search(update.expression)
    if found is not None:
        call = f"`{found['optimizer']}.zero_grad()`"
    else:
        call = f"`{leaf.name}.grad = None`"
    return f"Write {call} before the backward{where(backward)}."
