"""What is known of the chain rule of a node: the rule, or a sentence why there is none.

Pure: may be called from worker threads.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from graphscope.analysis.chain import ChainRule, Check, find_chain_rule
from graphscope.diagram.highlight import Highlight, find_highlight
from graphscope.diagram.labels import derivative, root_name
from graphscope.errors import GraphscopeError
from graphscope.model.graph import Graph, Role
from graphscope.model.trace import Trace
from graphscope.render.text.notation import name_values
from graphscope.tui.lines import clean
from graphscope.tui.moment import Moment

_CONTRADICTIONS: Final = (LookupError, ValueError, ArithmeticError)
"""What a recording raises whose shapes or ids do not fit each other."""

_ARRIVALS: Final = frozenset({Role.ARRIVED, Role.GRAD_OUTPUT})


QUICK_NODES: Final = 300
"""Up to this many grad nodes a rule is found while the user waits."""


@dataclass(frozen=True, slots=True)
class ChainKey:
    """A question: the derivative by `leaf` of the first of `roots` that has one."""

    step: int
    leaf: int
    roots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rule with what it goes through, or why there is none.

    Attributes:
        name: What is asked for: `∂L/∂w₁`; empty without a rule.
        rule: The rule.
        highlight: Everything on its paths.
        problem: Why there is no rule.
        is_checked: Whether the finite difference has been tried, the last thing to do.
    """

    name: str = ""
    rule: ChainRule | None = None
    highlight: Highlight | None = None
    problem: str = ""
    is_checked: bool = True


WORKING: Final = Answer(
    problem="Working out the chain rule of this large step …", is_checked=False
)


def find_answer(trace: Trace, key: ChainKey) -> Answer:
    """Take the gradient apart, without the check by a finite difference."""
    if not key.roots:
        return Answer(
            problem=f"No backward ran in step {trace.step}, so no gradient flowed. "
            "Choose another step: N and P."
        )
    problems: list[str] = []
    for root in key.roots:
        if root == key.leaf:
            name = clean(root_name(trace, [root]))
            problems.append(
                f"Backward started from {name}: its gradient is what it started with. "
                "Select a value that it was computed from, and press c."
            )
            continue
        try:
            rule = find_chain_rule(trace, key.leaf, root, is_checked=False)
            highlight = find_highlight(trace, key.leaf, root)
        except GraphscopeError as error:
            problems.append(clean(str(error)))
        except _CONTRADICTIONS as error:
            problems.append(_explain(error))
        else:
            pending = replace(rule, finite_difference=Check())
            symbols = name_values(trace, rule)
            name = clean(derivative(symbols[root], symbols[key.leaf]))
            return Answer(name, pending, highlight, is_checked=False)
    return Answer(problem=problems[0])


def work_out(trace: Trace, key: ChainKey, known: Answer) -> Iterator[Answer]:
    """Yield better answers than the one that is known, until there is none."""
    answer = known
    if answer.rule is None and not answer.is_checked:
        answer = find_answer(trace, key)
        yield answer
    if not answer.is_checked:
        yield check_answer(trace, answer)


def check_answer(trace: Trace, answer: Answer) -> Answer:
    """Return the answer with the finite difference, or with why there is none.

    The forward is computed again for it, which takes time on a large step.
    """
    rule = answer.rule
    if rule is None or answer.is_checked:
        return answer
    try:
        found = find_chain_rule(trace, rule.leaf, rule.root)
    except GraphscopeError as error:
        found = replace(rule, finite_difference=Check(reason=clean(str(error))))
    except _CONTRADICTIONS as error:
        found = replace(rule, finite_difference=Check(reason=_explain(error)))
    return replace(answer, rule=found, is_checked=True)


def _explain(error: Exception) -> str:
    kind = type(error).__name__
    return clean(f"The recording of this step contradicts itself ({kind}: {error}).")


def order_roots(moment: Moment, leaf: int) -> tuple[int, ...]:
    """Return what backwards to `leaf` started from, the one that runs now first.

    A step that adds up the gradients of four batches has four. Before the first one
    that is the first; later it is the last that has begun. Where none of them reached
    the leaf all are returned, for the message that says why.
    """
    graph = moment.graph
    starts = _find_starts(graph)
    arrivals = _find_arrivals(graph, leaf)
    ends = [start for start, _ in starts[1:]] + [len(graph.events)]
    reached = [
        (start, root)
        for (start, root), end in zip(starts, ends, strict=False)
        if bisect_left(arrivals, end) > bisect_left(arrivals, start)
    ]
    chosen = reached or starts
    begun = [root for start, root in chosen if moment.has_happened(start)]
    coming = [root for start, root in chosen if not moment.has_happened(start)]
    return tuple(dict.fromkeys([*reversed(begun), *coming])) or graph.roots


def _find_starts(graph: Graph) -> list[tuple[int, int]]:
    """Return the events in which backwards began, with what they began from."""
    found: list[tuple[int, int]] = []
    for root in dict.fromkeys(graph.roots):
        node = graph.values[root].grad_node
        events = () if node is None else graph.grad_events.get(node, ())
        found += [(event, root) for event in events]
    return sorted(found)


def _find_arrivals(graph: Graph, value: int) -> Sequence[int]:
    slots = [graph.slots[index] for index in graph.value_slots.get(value, ())]
    return sorted(slot.event for slot in slots if slot.role in _ARRIVALS)
