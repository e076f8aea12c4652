"""What a learner should know about a path's factors: sums of broadcasts, the 1/N."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import prod
from typing import Final

from graphscope.analysis.chain.model import ChainRule, Factor, Kind
from graphscope.model.graph import Op
from graphscope.model.trace import Trace

_SPREADING: Final = frozenset(
    {"add", "sub", "mul", "div", "rsub", "pow", "maximum", "minimum", "where"}
)
"""Operators that broadcast their operands, by the name of their grad node."""

_AVERAGES: Final = frozenset(
    {"mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy"}
    | {"binary_cross_entropy_with_logits", "huber_loss", "kl_div"}
)
"""Losses whose mean is over all elements of their input."""

_BY_ROW: Final = frozenset({"cross_entropy", "nll_loss"})
"""Losses whose mean is over the samples of a batch."""


def find_remarks(trace: Trace, rule: ChainRule) -> tuple[str, ...]:
    """Say what the factors of a rule's paths do besides multiplying."""
    factors = [factor for path in rule.paths for factor in path.factors]
    found = [r for factor in factors for r in _remarks_on(trace, rule, factor)]
    return tuple(dict.fromkeys([*_repeated_uses(trace, factors), *found]))


def _repeated_uses(trace: Trace, factors: Sequence[Factor]) -> Iterator[str]:
    """Say where one op reads a value several times: each use is a path."""
    uses: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for factor in factors:
        if factor.source is not None:
            uses[factor.node, factor.source].add(factor.position)
    for (node, source), positions in uses.items():
        target = trace.graph.grad_nodes[node].outputs[:1]
        if len(positions) > 1 and target and target[0] is not None:
            yield (
                f"{trace.title_of(target[0])} uses {trace.title_of(source)} "
                f"{len(positions)} times: each use is a path, and the paths add up."
            )


def _remarks_on(trace: Trace, rule: ChainRule, factor: Factor) -> Iterator[str]:
    node = trace.graph.grad_nodes[factor.node]
    op = None if node.op is None else trace.graph.ops[node.op]
    if op is None or factor.source is None or factor.target is None:
        return
    source = trace.graph.values[factor.source]
    target = trace.graph.values[factor.target]
    name = op.name.strip("_")
    terms = prod(target.shape) // max(prod(source.shape), 1)
    if name in _SPREADING and terms > 1:
        yield (
            f"{trace.title_of(source.id)} {list(source.shape)} was broadcast to "
            f"{list(target.shape)}: its gradient is the sum over the {terms} places."
        )
    count = _averaged(op, source.shape, target.shape)
    if count > 1:
        yield f"{name} averages: the factor 1/N with N = {count}."
    if name == "sum" and prod(source.shape) > 1 and rule.kind is Kind.JACOBIANS:
        yield (
            f"sum hands the same gradient to each of the {prod(source.shape)} "
            f"elements of {trace.title_of(source.id)}."
        )


def _averaged(op: Op, source: tuple[int, ...], target: tuple[int, ...]) -> int:
    """Return by how many an op divides its sum, 1 when it is no mean."""
    name = op.name.strip("_")
    texts = {a.name: a.text.strip("'\"") for a in op.arguments if a.value is None}
    if name == "mean":
        return prod(source) // max(prod(target), 1)
    if texts.get("reduction", "mean") != "mean" or target:
        return 1
    if name in _AVERAGES:
        return prod(source)
    return source[0] if name in _BY_ROW and len(source) > 1 else 1
