"""Asking each explanation of an error in turn, for a step that an exception ended."""

from collections.abc import Iterable, Iterator
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.why.errors.failing import find_failing_backward
from graphscope.analysis.why.errors.inplace import explain_inplace
from graphscope.analysis.why.errors.mismatch import explain_mismatch
from graphscope.analysis.why.errors.not_scalar import explain_not_scalar
from graphscope.analysis.why.errors.past import Past, carried_into
from graphscope.analysis.why.errors.refused import explain_refused
from graphscope.analysis.why.errors.second import explain_second
from graphscope.analysis.why.no_graph import explain_no_graph
from graphscope.model.finding import Finding
from graphscope.model.trace import Status, Trace

_NOTHING: Final = Past()


def explain_error(
    facts: Facts, trace: Trace, past: Past | None = None
) -> Finding | None:
    """Explain the exception that ended a step; None when it is none of those known.

    Args:
        facts: Of the step's graph.
        trace: The step.
        past: The steps before it, where a tensor of them may play a role.
    """
    if trace.status is not Status.ABORTED:
        return None
    earlier = _NOTHING if past is None else past
    return (
        explain_inplace(facts, trace, earlier)
        or explain_refused(facts, trace)
        or explain_second(facts, trace, earlier)
        or explain_not_scalar(facts, trace)
        or explain_no_graph(facts, trace)
        or explain_mismatch(facts, trace)
    )


def find_raised(facts: Facts) -> Iterator[Check]:
    """Yield the check of a graph that an exception may have ended."""

    def judge(trace: Trace) -> Finding | None:
        if trace.status is not Status.ABORTED or _needs_past(trace):
            return None
        return explain_error(facts, trace)

    yield judge


class RaisedCheck:
    """Explains errors that an earlier step has to do with."""

    def __init__(self) -> None:
        self._past = Past()

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Remember the step's structure; look closer only at one that raised."""
        if trace.status is not Status.ABORTED:
            self._past.add(trace, facts)
            return ()
        if not _needs_past(trace):
            return ()
        found = explain_error(facts, trace, self._past)
        return () if found is None else (found,)

    def finish(self) -> Iterable[Finding]:
        """Return nothing: an error is told of in its step."""
        return ()


def _needs_past(trace: Trace) -> bool:
    """Whether the backward that raised was at a node of an earlier step."""
    backward = find_failing_backward(trace.graph)
    if backward is None or not carried_into(trace, backward):
        return False
    nodes = trace.graph.grad_nodes
    return backward.node is None or nodes[backward.node].op is None
