"""Which ops lie between two values, and which of their results change with the first.

As autograd sees it, data that flows through `detach()`, `no_grad` or an index carries
no derivative: such results stay what they were recorded as. Results that are whole
numbers or truth values are computed again all the same, so that it shows when a small
step would have taken another branch.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from graphscope.analysis.replay.formulas.randomness import RANDOMNESS
from graphscope.analysis.replay.formulas.table import (
    AUGMENTED,
    base_name,
    find_formula,
)
from graphscope.model.graph import Graph, Op, OpKind, Value

_INDEPENDENT: Final = frozenset({OpKind.CREATE, OpKind.READOUT})
_STATISTICS: Final = frozenset({"batch_norm", "instance_norm"})


class How(Enum):
    """How a result follows from its op."""

    COMPUTED = auto()  # it is what the formula gives
    WRITTEN = auto()  # it is a new version of the tensor that the op wrote to
    SHARED = auto()  # it shares memory with what the op wrote to
    SHIFTED = auto()  # autograd did not see the write: its gradient passes unchanged


@dataclass(frozen=True, slots=True)
class Target:
    """One result of a step: `position` counts the results of the formula."""

    value: int
    how: How
    position: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One op that is computed again, and its results that are needed."""

    op: Op
    targets: tuple[Target, ...]
    written: int | None = None

    @property
    def needs_formula(self) -> bool:
        """Whether a result depends on more than its previous version."""
        return any(target.how is not How.SHIFTED for target in self.targets)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is computed again.

    Attributes:
        starts: The values that are given.
        root: The value that is wanted.
        steps: The ops in between, in the order in which they ran.
    """

    starts: frozenset[int]
    root: int
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class _Flow:
    """What the starts reach: with a gradient, and as a branch that may switch."""

    graph: Graph
    starts: frozenset[int]
    as_autograd: bool
    reached: dict[int, Target] = field(default_factory=dict)
    switches: set[int] = field(default_factory=set)

    def is_changing(self, value: int | None) -> bool:
        """Whether a value may differ from what was recorded."""
        return value in self.reached or value in self.starts

    def touches(self, op: Op) -> set[int]:
        """Return the ids of what `op` reads and that has changed."""
        found = {v for v in op.inputs if self.is_changing(v)}
        for output in op.outputs:
            previous = self.graph.values[output].previous
            if previous is not None and self.is_changing(previous):
                found.add(previous)
        return found

    def pass_through(self, op: Op) -> None:
        """Mark the results of one op."""
        if op.kind in _INDEPENDENT:
            return
        touched = self.touches(op)
        if not touched:
            return
        for target in targets_of(self.graph, op):
            if target.value not in self.starts:
                self._mark(op, target, touched)

    def _mark(self, op: Op, target: Target, touched: set[int]) -> None:
        value = self.graph.values[target.value]
        if not self.as_autograd:
            self.reached[value.id] = target
            return
        if is_unseen_write(self.graph, value) or self._is_beside(op, target):
            if value.previous in touched:
                self.reached[value.id] = Target(value.id, How.SHIFTED)
        elif value.requires_grad and not value.is_leaf:
            self.reached[value.id] = target
        elif self._is_switch(op, value, touched):
            self.reached[value.id] = target
            self.switches.add(value.id)

    def _is_switch(self, op: Op, value: Value, touched: set[int]) -> bool:
        """Whether a result is constant up to jumps: an index, a mask, a mask as 0.0.

        Where it cannot be computed again it is held like what autograd does not see.
        """
        if is_continuous(value) and (op.cut or not touched <= self.switches):
            return False
        return find_formula(op) is not None and base_name(op) not in RANDOMNESS

    def _is_beside(self, op: Op, target: Target) -> bool:
        """Whether a tensor was changed through an alias that carries no gradient."""
        if target.how is not How.SHARED:
            return False
        written = written_value(self.graph, op)
        return not any(
            v in self.reached
            for v in op.outputs
            if self.graph.values[v].previous == written
        )


def is_continuous(value: Value) -> bool:
    """Whether a value holds real or complex numbers, which have derivatives."""
    return value.dtype.startswith(("float", "bfloat", "complex"))


def is_unseen_write(graph: Graph, value: Value) -> bool:
    """Whether autograd did not see what overwrote `value`: under `no_grad`."""
    if value.previous is None or value.grad_node is None or not value.requires_grad:
        return False
    return graph.values[value.previous].grad_node == value.grad_node


def targets_of(graph: Graph, op: Op) -> Iterator[Target]:
    """Yield how each result of an op follows from it.

    An op that writes has one result of its own, the new version of what it wrote to,
    and one for each other tensor that shares memory with it.
    """
    written = written_value(graph, op)
    position = 0
    for output in op.outputs:
        previous = graph.values[output].previous
        if written is None:
            if previous is None or not _is_statistic(op, previous):
                yield Target(output, How.COMPUTED, position)
                position += 1
        elif previous == written:
            yield Target(output, How.WRITTEN)
        elif previous is not None:
            yield Target(output, How.SHARED)


def _is_statistic(op: Op, previous: int) -> bool:
    """Whether a result is a running statistic, which has no formula here."""
    return op.name in _STATISTICS and previous in op.inputs


def written_value(graph: Graph, op: Op) -> int | None:
    """Return the value that an op overwrote, None for an op that makes new tensors."""
    if not is_writing(op):
        return None
    given = [a.value for a in op.arguments if a.name == "out" and a.value is not None]
    before = {graph.values[v].previous for v in op.outputs}
    candidates = given or list(op.inputs)
    return next((v for v in candidates if v in before), None)


def is_writing(op: Op) -> bool:
    """Whether an op writes to one of its arguments."""
    if op.name == "setitem" or (op.name.endswith("_") and not op.name.startswith("_")):
        return True
    if op.name in AUGMENTED or any(a.name == "out" for a in op.arguments):
        return True
    return any(a.name == "inplace" and a.text == "True" for a in op.arguments)


def make_plan(
    graph: Graph, starts: Collection[int], root: int, *, as_autograd: bool
) -> Plan:
    """Return the ops through which `root` depends on `starts`.

    Args:
        graph: The step.
        starts: Ids of the values that are given.
        root: Id of the value that is wanted.
        as_autograd: Hold what autograd takes for constant; otherwise follow the data.
    """
    return _plan(_flow(graph, frozenset(starts), root, as_autograd=as_autograd), root)


def plan_with_cuts(graph: Graph, start: int, root: int) -> tuple[Plan, list[Op]]:
    """Return the plan as autograd sees it, and the ops at which the gradient stops.

    In order; only those on a way of the data to `root`, and of several on one way the
    first.
    """
    starts = frozenset([start])
    flow = _flow(graph, starts, root, as_autograd=True)
    data = _plan(_flow(graph, starts, root, as_autograd=False), root)
    cuts = []
    for step in data.steps:
        live = flow.touches(step.op) - flow.switches
        unseen = any(is_unseen_write(graph, graph.values[v]) for v in step.op.outputs)
        if live and (step.op.cut or unseen):
            cuts.append(step.op)
    return _plan(flow, root), cuts


def _flow(
    graph: Graph, starts: frozenset[int], root: int, *, as_autograd: bool
) -> _Flow:
    flow = _Flow(graph, starts, as_autograd)
    for op in _ops_before(graph, root):
        flow.pass_through(op)
    return flow


def _plan(flow: _Flow, root: int) -> Plan:
    """Return of what was reached the part that `root` needs."""
    graph = flow.graph
    needed, steps = {root}, []
    for op in reversed(_ops_before(graph, root)):
        targets = [
            flow.reached[v] for v in op.outputs if v in needed and v in flow.reached
        ]
        if targets:
            steps.append(Step(op, tuple(targets), written_value(graph, op)))
            needed |= _needs(graph, op, targets)
    return Plan(flow.starts, root, tuple(reversed(steps)))


def _ops_before(graph: Graph, root: int) -> Sequence[Op]:
    """Return the ops up to the one that computed `root`."""
    last = graph.values[root].op
    return graph.ops[: last + 1] if last is not None else ()


def _needs(graph: Graph, op: Op, targets: Sequence[Target]) -> set[int]:
    found: set[int] = set()
    for target in targets:
        previous = graph.values[target.value].previous
        if previous is not None and target.how in {How.SHARED, How.SHIFTED}:
            found.add(previous)
        if target.how is not How.SHIFTED:
            found.update(op.inputs)
    return found
