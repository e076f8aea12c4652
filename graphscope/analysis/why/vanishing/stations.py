"""How large a gradient is at each station of its way, and what each op does to it.

Separate from the judgement on it, which is made in one place for a question and in
another for a whole run.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, isfinite, log
from typing import Final

from graphscope.analysis.chain.links import Place, place_of
from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.wording import name_value
from graphscope.analysis.why.vanishing.walk import (
    Flow,
    size,
    strongest_way,
    value_at,
)
from graphscope.model.graph import Op, ValueKind

_FACTORS: Final = 2


@dataclass(frozen=True, slots=True)
class Station:
    """A value on the way of a gradient.

    Attributes:
        value: Its id.
        op: The op that made it, None for a leaf.
        norm: The l2 norm of the gradient that arrived there.
        is_layer: Whether the op has a parameter as a factor.
    """

    value: int
    op: Op | None
    norm: float
    is_layer: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """What an op does to a gradient: from its result to what it was computed from.

    Attributes:
        op: The op.
        ratio: The norm of the gradient behind it, by that in front of it.
    """

    op: Op
    ratio: float


@dataclass(frozen=True)
class Way:
    """The way of a gradient from where backward began to a value.

    Attributes:
        flow: The backward.
        stations: From the root to the value; only those whose norm is known.
    """

    flow: Flow
    stations: Sequence[Station]

    @property
    def layers(self) -> Sequence[Station]:
        """The results of layers, from the root to the value."""
        return [station for station in self.stations if station.is_layer]

    @property
    def is_measured(self) -> bool:
        """Whether every norm on the way is a number above 0."""
        return all(s.norm > 0 and isfinite(s.norm) for s in self.stations)

    @property
    def passages(self) -> Sequence[Passage]:
        """What the ops between the first layer and the last one do."""
        layers = self.layers
        if len(layers) < _FACTORS:
            return []
        first = self.stations.index(layers[0])
        last = self.stations.index(layers[-1])
        between = self.stations[first : last + 1]
        return [
            Passage(one.op, other.norm / one.norm)
            for one, other in pairwise(between)
            if one.op is not None and one.norm > 0
        ]


def find_way(facts: Facts, flow: Flow, value: int) -> Way | None:
    """Measure a gradient from where backward began to a value."""
    place = place_of(facts.graph, value)
    if place is None:
        return None
    places = strongest_way(flow, place)
    found = (_station_at(facts, flow, place) for place in places)
    return Way(flow, [station for station in found if station is not None])


def _station_at(facts: Facts, flow: Flow, place: Place) -> Station | None:
    value = value_at(flow.graph, place)
    norm = size(flow.at(place))
    if value is None or norm < 0:
        return None
    op = facts.op_of(value)
    return Station(value, op, norm, op is not None and _is_layer(facts, op))


def _is_layer(facts: Facts, op: Op) -> bool:
    """Whether one of an op's two factors is a parameter with several axes."""
    values = (facts.graph.values[facts.origin(v)] for v in op.inputs[:_FACTORS])
    return any(
        value.kind is ValueKind.PARAMETER and len(value.shape) >= _FACTORS
        for value in values
    )


@dataclass(frozen=True, slots=True)
class Share:
    """What all ops of one name do to a gradient together.

    Attributes:
        name: The operator's name.
        count: How many of them are on the way.
        mean: The geometric mean of their ratios.
        total: The product of their ratios.
        strongest: The op that does most of it, at the line that does most.
    """

    name: str
    count: int
    mean: float
    total: float
    strongest: Op


def shares_of(passages: Sequence[Passage]) -> list[Share]:
    """Add up what each operator does; the one that shrinks most comes first."""
    groups: defaultdict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        groups[plain_name(passage.op)].append(passage)
    found = []
    for name, members in groups.items():
        total = sum(log(member.ratio) for member in members)
        mean = exp(total / len(members))
        strongest = _strongest(members, sign=-1 if total < 0 else 1)
        found.append(Share(name, len(members), mean, exp(total), strongest))
    return sorted(found, key=lambda share: share.total)


def _strongest(members: Sequence[Passage], *, sign: int) -> Op:
    """Return the op that does most, at the line whose ops do most together."""
    lines: defaultdict[object, list[Passage]] = defaultdict(list)
    for member in members:
        site = member.op.site
        lines[None if site is None else (site.file, site.line)].append(member)
    most = max(lines.values(), key=lambda ops: sign * sum(log(m.ratio) for m in ops))
    return max(most, key=lambda member: sign * log(member.ratio)).op


def layer_name(way: Way, station: Station) -> str:
    """Name a layer: by its module, else by its result."""
    if station.op is not None and station.op.scope:
        return f"`{station.op.scope}`"
    return name_value(way.flow.backward.trace, station.value)
