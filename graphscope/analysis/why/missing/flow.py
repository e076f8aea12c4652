"""Where the numbers of a step flow to, with and without a gradient that flows back.

The gradient follows the numbers only where autograd kept the history. Both ways are
worked out once for a step, so that asking for each of many parameters costs little.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.analysis.why.missing.numbers import find_returns
from graphscope.model.graph import Op, OpKind, Role
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_PASSING: Final = (OpKind.COMPUTE, OpKind.UPDATE)
_SIDE_BY_SIDE: Final = frozenset({"broadcast_tensors", "meshgrid", "align_tensors"})
"""Ops with one result for each argument, of which those left alone are no new values.

A result without history is then of another argument than one with a history.
"""


@dataclass(frozen=True, slots=True)
class Link:
    """The numbers of one value play a role in another.

    Attributes:
        source: Id of the one.
        target: Id of the other.
        op: Id of the op between; of one that took numbers out of torch, if they left
            it; None where nothing of torch's is between.
        carries: Whether a gradient flows back.
        name: The variable by which numbers outside of torch were followed.
        is_outside: Whether the numbers left torch and came back.
        site: What made a new tensor of them, where torch saw nothing.
    """

    source: int
    target: int
    op: int | None
    carries: bool
    name: str = ""
    is_outside: bool = False
    site: Site | None = None


@dataclass(frozen=True, eq=False)
class Flow:
    """The flow of one step.

    Attributes:
        trace: The step.
    """

    trace: Trace

    @cached_property
    def onward(self) -> Mapping[int, Sequence[Link]]:
        """Value id -> its links to what was computed from it."""
        found: defaultdict[int, dict[tuple[int, int | None], Link]] = defaultdict(dict)
        for link in (*self._through_ops(), *self._outside()):
            if link.source < link.target:
                found[link.source].setdefault((link.target, link.op), link)
        return {value: tuple(links.values()) for value, links in found.items()}

    @cached_property
    def backward_roots(self) -> tuple[int, ...]:
        """The values that a gradient was asked of."""
        return self.trace.graph.roots

    @cached_property
    def towards_roots(self) -> frozenset[int]:
        """Ids of all values whose numbers play a role in a root, and the roots."""
        before: defaultdict[int, list[int]] = defaultdict(list)
        for links in self.onward.values():
            for link in links:
                before[link.target].append(link.source)
        waiting, seen = list(self.backward_roots), set(self.backward_roots)
        while waiting:
            for value in before[waiting.pop()]:
                if value not in seen:
                    seen.add(value)
                    waiting.append(value)
        return frozenset(seen)

    @cached_property
    def connected(self) -> frozenset[int]:
        """Ids of the values from which a root's gradient can be reached."""
        values = self.trace.graph.values
        found = {root for root in self.backward_roots if values[root].requires_grad}
        for value in reversed(values):
            links = self.onward.get(value.id, ())
            if any(link.carries and link.target in found for link in links):
                found.add(value.id)
        return frozenset(found)

    @cached_property
    def first_cuts(self) -> Mapping[int, tuple[Link, ...]]:
        """Value id -> the links at which the ways from it to the roots are cut.

        The first of each way, in the order in which they ran.
        """
        found: dict[int, tuple[Link, ...]] = {}
        for value in reversed(self.trace.graph.values):
            cuts: dict[Link, None] = {}
            for link in self.onward.get(value.id, ()):
                if link.target not in self.towards_roots:
                    continue
                behind = found.get(link.target, ()) if link.carries else (link,)
                cuts.update(dict.fromkeys(behind))
            if cuts:
                found[value.id] = tuple(sorted(cuts, key=lambda cut: cut.target))
        return found

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """Value id -> how many ways lead from it to a root."""
        found: dict[int, int] = dict.fromkeys(self.backward_roots, 1)
        for value in reversed(self.trace.graph.values):
            links = self.onward.get(value.id, ())
            ways = sum(found.get(link.target, 0) for link in links)
            if ways:
                found[value.id] = found.get(value.id, 0) + ways
        return found

    def after(self, value: int) -> list[int]:
        """Return all values that were computed from a value, in order."""
        waiting, seen = [value], {value}
        while waiting:
            for link in self.onward.get(waiting.pop(), ()):
                if link.target not in seen:
                    seen.add(link.target)
                    waiting.append(link.target)
        return sorted(seen - {value})

    def readers(self, value: int) -> list[Op]:
        """Return the ops that read a value, those of an update not."""
        graph = self.trace.graph
        ops = (graph.ops[op] for op in graph.consumers.get(value, ()))
        return [op for op in ops if op.kind is not OpKind.UPDATE]

    def _through_ops(self) -> Iterator[Link]:
        for op in self.trace.graph.ops:
            if op.kind not in _PASSING:
                continue
            for source in dict.fromkeys(op.inputs):
                for target in op.outputs:
                    carries = self._carries(op, source, target)
                    if carries or op.name not in _SIDE_BY_SIDE:
                        yield Link(source, target, op.id, carries)

    def _outside(self) -> Iterator[Link]:
        for way in find_returns(self.trace):
            yield Link(
                source=way.source,
                target=way.target,
                op=way.op,
                carries=False,
                name=way.name,
                is_outside=True,
                site=way.site,
            )

    def _carries(self, op: Op, source: int, target: int) -> bool:
        values = self.trace.graph.values
        if not values[source].requires_grad or not values[target].requires_grad:
            return False
        return (op.id, source) not in self._refused

    @cached_property
    def _refused(self) -> frozenset[tuple[int, int]]:
        """Op and value: where a backward ran and sent None, as one by the user may."""
        graph = self.trace.graph
        own = {
            node.id: node.op
            for node in graph.grad_nodes
            if node.op is not None and is_users(node.name)
        }
        sent: defaultdict[tuple[int, int], list[bool]] = defaultdict(list)
        for index, slot in enumerate(graph.slots if own else ()):
            if slot.role is not Role.EDGE or slot.value is None:
                continue
            op = own.get(-1 if slot.grad_node is None else slot.grad_node)
            if op is not None:
                sent[op, slot.value].append(self.trace.seen(index) is None)
        return frozenset(place for place, nothing in sent.items() if all(nothing))


def is_users(node_name: str) -> bool:
    """Whether an autograd node is of a Function that is written in Python.

    torch numbers its own.

    >>> is_users("MyExpBackward"), is_users("ExpBackward0"), is_users("AccumulateGrad")
    (True, False, False)
    """
    return node_name.endswith("Backward")
