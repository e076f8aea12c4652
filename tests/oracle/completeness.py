"""Verdict 2: everything that ran is in the graph, or a named gap is."""

import re
from collections.abc import Sequence

from graphscope.model.check import find_violations
from graphscope.model.graph import OpKind
from graphscope.model.trace import Trace
from tests.oracle.matching import Matches
from tests.oracle.witness import Testimony

_NUMBER = re.compile(r"\d+")


def find_omissions(
    traces: Sequence[Trace], found: Matches, told: Testimony
) -> list[str]:
    """Return one sentence for everything that the traces should have and do not."""
    missing = list(found.missing)
    missing += [f"no op for the call {name} on wrappers" for name in found.transformed]
    missing += _wrong_nodes(traces, found, told)
    for trace in traces:
        missing += _wrong_edges(trace)
        missing += [f"broken graph: {text}" for text in find_violations(trace.graph)]
    return missing


def _wrong_nodes(traces: Sequence[Trace], found: Matches, told: Testimony) -> list[str]:
    """Compare which autograd node each result has with which its value has."""
    wrong = []
    for (call, position), (trace, value) in found.results.items():
        seen = told.calls[call].made[position]
        if seen.arrival is None or trace != found.home:
            continue
        wanted = found.nodes.get(seen.arrival[0]), seen.arrival[1]
        recorded = traces[trace].graph.values[value]
        if wanted[0] is not None and wanted != (
            recorded.grad_node,
            recorded.grad_output,
        ):
            wrong.append(f"the result of {told.calls[call].name} is at another node")
    return wrong


def _wrong_edges(trace: Trace) -> list[str]:
    """Compare where each edge leads with the node of the value that it names."""
    edges = [(node, edge) for node in trace.graph.grad_nodes for edge in node.edges]
    wrong = []
    for node, edge in edges:
        if edge.value is None or edge.target is None:
            continue
        value = trace.graph.values[edge.value]
        if (value.grad_node, value.grad_output) != (edge.target, edge.output):
            wrong.append(f"an edge of {node.name} names a value of another node")
    return wrong


def gaps_in(traces: Sequence[Trace]) -> list[str]:
    """Return the reasons of all gaps, without the numbers in them, each once."""
    reasons = [gap.reason for trace in traces for gap in trace.graph.gaps]
    reasons += [
        op.note
        for t in traces
        for op in t.graph.ops
        if op.kind is OpKind.GAP and op.note
    ]
    return sorted({_NUMBER.sub("#", reason) for reason in reasons})
