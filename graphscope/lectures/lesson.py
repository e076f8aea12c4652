"""How an example is best shown: which step, which style, which chain rule."""

from typing import Final

from graphscope.analysis.chain import ChainRule, find_chain_rule
from graphscope.analysis.chain.model import Kind
from graphscope.diagram.model import Style
from graphscope.errors import GraphscopeError
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace

_FEW_OPS: Final = 12
_FEW_PATHS: Final = 4


def choose_style(trace: Trace) -> Style:
    """Return the style in which lectures draw such a step.

    The chain rule of a few named values is drawn as variables, all else as operations.
    """
    is_small = len(trace.graph.ops) <= _FEW_OPS
    return Style.VARIABLES if trace.graph.roots and is_small else Style.OPERATIONS


def choose_chain_rule(trace: Trace) -> ChainRule | None:
    """Return the chain rule of the first parameter that got a gradient.

    None where there is none, or where it would not be short.
    """
    graph = trace.graph
    leaves = [
        value.id
        for value in graph.values
        if value.kind is ValueKind.PARAMETER and trace.arrivals(value.id)
    ]
    if not leaves or not graph.roots:
        return None
    try:
        rule = find_chain_rule(trace, leaves[0], graph.roots[-1])
    except GraphscopeError:
        return None
    is_long = rule.kind is Kind.NORMS or rule.count > _FEW_PATHS
    return None if is_long else rule
