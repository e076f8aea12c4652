"""Gradients that are 0 in one step after another.

In one step that may be chance: a branch that was not taken, a weight that starts at 0.
A gradient that never is anything else is a fault, and so is one that can never become
anything else: where a weight is 0 because another one is, and that one because of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.reading import arrived_at_leaf, is_zero
from graphscope.analysis.evidence.wording import begin, listing
from graphscope.analysis.traps.relu import find_relu_traps
from graphscope.analysis.traps.saturation import find_saturation_traps
from graphscope.analysis.why.vanishing.blocked import (
    find_blocked_gradients,
    is_behind_layer,
)
from graphscope.analysis.why.vanishing.causes import bounds
from graphscope.analysis.why.vanishing.causes.cause import Cause, Weight
from graphscope.analysis.why.vanishing.walk import (
    Break,
    Flow,
    Kind,
    find_breaks,
    flow_to,
)
from graphscope.analysis.why.vanishing.zero import (
    KIND,
    cause_of,
    op_at,
    path_of,
    site_at,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Op, Role, ValueKind
from graphscope.model.trace import Trace

_ENOUGH: Final = 3
"""Steps in which a gradient is 0 before it is no chance. With 2, a weight that starts
at 0 and gets its first gradient late (a gate, a second head) would be told."""

_OFTEN: Final = 16
"""Every so many steps all parameters are looked at; in between those that were 0."""

_KEPT_GRAPHS: Final = 8


@dataclass(slots=True)
class _Silent:
    """A parameter whose gradient has been 0 since a step.

    Attributes:
        value: Its id in that step.
        first: The step.
        facts: What is known of its graph.
        steps: In how many steps it was 0 since.
        last: The last of them.
    """

    value: int
    first: Trace
    facts: Facts
    steps: int = 1
    last: int = 0


@dataclass(frozen=True, slots=True)
class _Case:
    """A silent parameter with the place at which its gradient becomes 0."""

    silent: _Silent
    flow: Flow
    one: Break
    cause: Cause
    op: Op


class ZeroCheck:
    """Follows the parameters whose gradients are 0."""

    def __init__(self) -> None:
        self._silent: dict[str, _Silent] = {}
        self._slots: dict[int, tuple[Graph, dict[str, _Place]]] = {}
        self._count = 0

    def see(self, trace: Trace, facts: Facts) -> tuple[Finding, ...]:
        """Look at a step."""
        if not trace.graph.roots:
            return ()
        places = self._places(trace.graph)
        is_due = self._count % _OFTEN == 0
        self._count += 1
        for name in list(self._silent):
            found = _is_silent(trace, places.get(name))
            if found:
                self._silent[name].steps += 1
                self._silent[name].last = trace.step
            elif found is False:
                del self._silent[name]
        if is_due:
            for name, place in places.items():
                if name not in self._silent and _is_silent(trace, place):
                    self._silent[name] = _Silent(place.value, trace, facts)
        return ()

    def finish(self) -> Iterator[Finding]:
        """Return what never got a gradient."""
        groups: defaultdict[object, list[_Case]] = defaultdict(list)
        known = self._cases()
        told = [
            case
            for name, case in known.items()
            if case.silent.steps >= _ENOUGH or _is_stuck(name, known)
        ]
        blamed = {(id(case.flow.graph), case.op.id) for case in told}
        for case in told:
            behind = _ops_behind(case.silent.facts, case.cause.factor)
            if not {(id(case.flow.graph), op) for op in behind} & blamed:
                groups[id(case.flow.graph), case.op.id].append(case)
        for cases in groups.values():
            yield _finding(cases)

    def _places(self, graph: Graph) -> dict[str, "_Place"]:
        known = self._slots.get(id(graph))
        if known is None or known[0] is not graph:
            if len(self._slots) >= _KEPT_GRAPHS:
                self._slots.pop(next(iter(self._slots)))
            known = self._slots[id(graph)] = graph, _find_places(graph)
        return known[1]

    def _cases(self) -> dict[str, _Case]:
        """Return the silent parameters whose cause is known and told by nobody else."""
        found: dict[str, _Case] = {}
        told: dict[int, frozenset[int]] = {}
        for name, silent in self._silent.items():
            key = id(silent.first)
            if key not in told:
                told[key] = _told_ops(silent.facts, silent.first)
            case = _case_of(silent)
            if case is None or case.op.id in told[key]:
                continue
            if told[key].isdisjoint(_ops_behind(silent.facts, case.cause.factor)):
                found[name] = case
        return found


@dataclass(frozen=True, slots=True)
class _Place:
    """A parameter in a graph: its id, and the slots of what arrived."""

    value: int
    slots: tuple[int, ...]


def _find_places(graph: Graph) -> dict[str, _Place]:
    found: dict[str, _Place] = {}
    for value in graph.values:
        if value.kind is ValueKind.PARAMETER and value.name:
            slots = tuple(
                slot
                for slot in graph.value_slots.get(value.id, ())
                if graph.slots[slot].role is Role.ARRIVED
            )
            if slots:
                found[value.name] = _Place(value.id, slots)
    return found


def _is_silent(trace: Trace, place: _Place | None) -> bool | None:
    """Whether all that arrived at a parameter is 0; None where nothing did."""
    if place is None:
        return None
    seen = [trace.seen(slot) for slot in place.slots]
    arrived = [one for one in seen if one is not None]
    return all(map(is_zero, arrived)) if arrived else None


def _told_ops(facts: Facts, trace: Trace) -> frozenset[int]:
    """Return the ops that other findings of a step are about."""
    finders = (find_relu_traps, find_saturation_traps, find_blocked_gradients)
    found = (check(trace) for find in finders for check in find(facts))
    return frozenset(op for one in found if one is not None for op in one.ops)


def _ops_behind(facts: Facts, factor: int | None) -> frozenset[int]:
    """Return the ops that made a factor what it is: it may be 0 because of them."""
    found = () if factor is None else facts.ancestors(factor)
    return frozenset(value.op for value in found if value.op is not None)


def _is_meant(facts: Facts, cause: Cause, op: Op) -> bool:
    """Whether a 0 is what the user wants: written so, or a loss that is satisfied.

    `clamp(1 - y * score, min=0)` is to become 0; behind a layer, or of a parameter
    itself, nobody wants a gradient to end.
    """
    if cause.weight is Weight.MEANT:
        return True
    if plain_name(op) not in bounds.NAMES:
        return False
    origin = facts.graph.values[facts.origin(op.inputs[0])]
    return origin.kind is not ValueKind.PARAMETER and not is_behind_layer(facts, op)


def _case_of(silent: _Silent) -> _Case | None:
    """Return where and why a gradient is 0; None where that is meant, or not clear."""
    trace = silent.first
    flow = flow_to(trace, silent.value)
    if flow is None or trace.loss() == 0:  # a loss that is 0 has nothing to teach
        return None
    breaks = find_breaks(flow, silent.value)
    if not breaks or any(one.kind is not Kind.NODE for one in breaks):
        return None
    causes = [cause_of(silent.facts, flow, one) for one in breaks]
    ops = [op_at(flow, one) for one in breaks]
    known = [
        (cause, flow.graph.ops[op])
        for cause, op in zip(causes, ops, strict=True)
        if cause is not None and op is not None
    ]
    if len(known) < len(breaks) or any(_is_meant(silent.facts, *k) for k in known):
        return None
    return _Case(silent, flow, breaks[0], *known[0])


def _is_stuck(name: str, known: dict[str, _Case]) -> bool:
    """Whether a parameter's gradient is 0 because another one's is, and so for ever.

    Its factor is a parameter that is 0 and gets no gradient either, as the factor of
    that one is 0 because of parameters that are 0 and get none.
    """
    waiting, seen = [name], {name}
    while waiting:
        case = known.get(waiting.pop())
        if case is None or case.cause.factor is None:
            return False
        behind = _zero_parameters(case, known)
        if not behind:
            return False
        waiting += [one for one in behind if one not in seen]
        seen.update(behind)
    return True


def _zero_parameters(case: _Case, known: dict[str, _Case]) -> list[str]:
    """Return the silent parameters for which a factor is 0; none if others count."""
    trace, factor = case.silent.first, case.cause.factor
    if factor is None:
        return []
    found = []
    for value in case.silent.facts.ancestors(factor):
        if value.kind is not ValueKind.PARAMETER or not is_zero(
            trace.value_of(value.id)
        ):
            continue
        arrived = arrived_at_leaf(trace, value)
        is_moved = any(not is_zero(seen) for seen in arrived if seen is not None)
        if value.name not in known or is_moved:
            return []
        found.append(value.name)
    return found


def _finding(cases: Sequence[_Case]) -> Finding:
    case = cases[0]
    trace = case.silent.first
    names = [f"`{trace.graph.values[c.silent.value].name}`" for c in cases]
    what = f"The gradient of {names[0]} is"
    if len(names) > 1:
        what = f"The gradients of {listing(names)} are"
    return Finding(
        kind=KIND,
        title=f"{what} always 0: {plain_name(case.op)} {case.cause.short}",
        explanation=f"{what} 0 in {_steps(cases)}. {_causes(cases)}{_stuck(cases)}",
        remedy=case.cause.remedy,
        step=trace.step,
        site=site_at(case.flow, case.one),
        values=tuple(c.silent.value for c in cases),
        ops=(case.op.id,),
        nodes=() if case.one.node is None else (case.one.node,),
        numbers=case.cause.numbers,
        paths=(path_of(case.flow, case.one),),
    )


def _steps(cases: Sequence[_Case]) -> str:
    least = min((case.silent for case in cases), key=lambda silent: silent.steps)
    if least.steps == 1:
        return f"step {least.first.step}"
    return (
        f"all {least.steps:,} steps that were looked at, from step {least.first.step} "
        f"to step {least.last}"
    )


def _causes(cases: Sequence[_Case]) -> str:
    """Say why, for each of the factors that are 0."""
    return " ".join(dict.fromkeys(begin(case.cause.text) for case in cases))


def _stuck(cases: Sequence[_Case]) -> str:
    """Say why no update will change it, where weights hold each other at 0."""
    names = {case.silent.first.graph.values[case.silent.value].name for case in cases}
    zeros = [
        value.name
        for case in cases
        if case.cause.factor is not None
        for value in case.silent.facts.ancestors(case.cause.factor)
        if value.kind is ValueKind.PARAMETER
        and is_zero(case.silent.first.value_of(value.id))
    ]
    if not zeros or not set(zeros) <= names:
        return ""
    every = listing([f"`{name}`" for name in dict.fromkeys(zeros)])
    return f" No update moves {every}, as each is 0 because of the others."
