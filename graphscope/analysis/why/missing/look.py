"""A step in which something has no gradient, and what is worked out for it once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import listing, name_and_place, name_value
from graphscope.analysis.why.missing.cuts import (
    Cut,
    describe_copy,
    describe_cut,
    with_return,
)
from graphscope.analysis.why.missing.flow import Flow, Link
from graphscope.analysis.why.missing.numbers import receiver_at
from graphscope.analysis.why.missing.ran import Ran
from graphscope.analysis.why.missing.uses import Unused, why_unused
from graphscope.analysis.why.missing.ways import show_ways
from graphscope.model.calls import ModuleParameter
from graphscope.model.finding import PathStep
from graphscope.model.graph import Event, EventKind, Role, Value, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

BACKWARD: Final = (EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE)


@dataclass(frozen=True, eq=False)
class Look:
    """A step that is looked at.

    Attributes:
        trace: It.
        facts: What is known of its graph.
    """

    trace: Trace
    facts: Facts
    _unused: dict[str, Unused] = field(default_factory=dict)
    _cuts: dict[Link, Cut] = field(default_factory=dict)

    @cached_property
    def flow(self) -> Flow:
        """Where its numbers flow to."""
        return Flow(self.trace)

    @cached_property
    def ran(self) -> Ran:
        """Where the user's code ran in it."""
        return Ran(self.trace)

    @cached_property
    def owned(self) -> Mapping[str, ModuleParameter]:
        """Name -> parameter of a module."""
        return {p.name: p for p in self.trace.graph.parameters}

    @cached_property
    def leaf_events(self) -> Mapping[int, Sequence[Event]]:
        """Value id -> what happened to its `.grad`, in order."""
        kinds = (EventKind.ACCUMULATE, EventKind.CAPTURE, EventKind.ZERO)
        found: defaultdict[int, list[Event]] = defaultdict(list)
        for event in self.trace.graph.events:
            if event.kind in kinds:
                for value in event.values:
                    found[value].append(event)
        return found

    @cached_property
    def last_backward(self) -> int:
        """Index of the last event of a backward, −1 without one."""
        events = self.trace.graph.events
        return max((e.index for e in events if e.kind in BACKWARD), default=-1)

    def versions(self, value: Value) -> list[int]:
        """Return the ids of all versions of a leaf."""
        found = [value.id]
        for later in self.trace.graph.values:
            if later.previous in found and later.id not in found:
                found.append(later.id)
        return found

    def events_of(self, value: Value) -> list[Event]:
        """Return what happened to the `.grad` of a leaf, of all its versions."""
        found = {
            event.index: event
            for version in self.versions(value)
            for event in self.leaf_events.get(version, ())
        }
        return [found[index] for index in sorted(found)]

    def arrived(self, event: Event, value: Value) -> Observation | None:
        """Return the gradient that an event brought a leaf; None for none."""
        graph = self.trace.graph
        versions = self.versions(value)
        wanted = (Role.AFTER, Role.ARRIVED)
        for index in range(*event.slots):
            slot = graph.slots[index]
            if slot.role in wanted and slot.value in versions:
                return self.trace.seen(index)
        return Observation() if event.slots[0] == event.slots[1] else None

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """What was not recorded, so that a use of something may have gone unseen."""
        reasons = dict.fromkeys(gap.reason for gap in self.trace.graph.gaps)
        told = []
        if reasons:
            listed = listing([reason.rstrip(".") for reason in reasons])
            told.append(
                f"Cannot tell whether it was used unseen, because of a gap: {listed}."
            )
        if self.carried:
            names = listing([name_value(self.trace, v) for v in self.carried])
            told.append(
                f"Cannot tell whether it plays a role in {names}, because an earlier "
                "step computed that."
            )
        return tuple(told)

    @cached_property
    def carried(self) -> tuple[int, ...]:
        """What a root's gradient can reach and an earlier step has computed."""
        kinds = self.trace.graph.values
        return tuple(
            value
            for value in sorted(self.flow.connected)
            if kinds[value].kind is ValueKind.CARRIED
        )

    def paths(self, value: int) -> tuple[tuple[PathStep, ...], ...]:
        """Return the ways from a value to the loss; the last row may count others."""
        return show_ways(self.flow, value, self.cut_at)

    def cut_at(self, link: Link) -> Cut:
        """Describe the cut at a link."""
        if link not in self._cuts:
            self._cuts[link] = self._describe(link)
        return self._cuts[link]

    def _describe(self, link: Link) -> Cut:
        if link.op is None:
            return describe_copy(self.trace, link.source, link.name, link.site)
        op = self.trace.graph.ops[link.op]
        cut = describe_cut(self.trace, op, link.source, link.target)
        return with_return(self.trace, cut, link.target) if link.is_outside else cut

    def why_unused(self, name: str) -> Unused:
        """Say why nothing read a parameter; the same for all of one layer."""
        if name not in self._unused:
            self._unused[name] = why_unused(self.ran, name)
        return self._unused[name]

    def losses_of(self, value: int) -> list[int]:
        """Return the roots that a value plays a role in; all of them if in none."""
        roots = self.flow.backward_roots
        behind = {value, *self.flow.after(value)}
        return [root for root in roots if root in behind] or list(roots)

    def name_loss(self, value: int | None) -> str:
        """Name what backward was called on, with its line."""
        graph = self.trace.graph
        roots = list(graph.roots) if value is None else self.losses_of(value)
        if not roots:
            return "the loss"
        return listing([self._name_root(root) for root in roots])

    def _name_root(self, root: int) -> str:
        """Name a root; one that torch did not see being made as backward was called."""
        graph = self.trace.graph
        value, site = graph.values[root], None
        if value.name is None and value.op is None and self.last_backward >= 0:
            site = graph.events[self.last_backward].site
        name = None if site is None else receiver_at(self.trace, site)
        return name_and_place(self.trace, root) if name is None else f"`{name}`"

    def leaf_named(self, name: str) -> Value | None:
        """Return the first version of the leaf of a name."""
        values = self.trace.graph.values
        for index in self.trace.graph.names.get(name, ()):
            if values[index].kind is ValueKind.PARAMETER:
                return values[index]
        return None
