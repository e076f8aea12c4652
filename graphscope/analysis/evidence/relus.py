"""How much of each ReLU is off: the share of zeros, layer by layer."""

from collections import Counter
from collections.abc import Sequence

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import name_value, where
from graphscope.model.graph import OpKind
from graphscope.model.trace import Trace

Shares = Sequence[tuple[str, float]]
"""The ReLUs in the order in which they ran: name, and which part of it is 0."""

_SEVERAL = 2
_SHOWN = 8


def relu_shares(trace: Trace) -> Shares:
    """Return which part of each ReLU's result is 0; of unread ones nothing."""
    found = []
    for op in trace.graph.ops:
        if op.kind is not OpKind.COMPUTE or plain_name(op) != "relu":
            continue
        seen = trace.value_of(op.outputs[0])
        stats = None if seen is None else seen.stats
        if stats is not None and stats.numel:
            is_named = not op.scope or trace.graph.values[op.outputs[0]].name
            name = name_value(trace, op.outputs[0]) if is_named else f"`{op.scope}`"
            found.append((name, stats.zeros / stats.numel, where(op.site)))
    times = Counter(name for name, _, _ in found)
    return [
        (f"{name}{place}" if times[name] > 1 else name, share)
        for name, share, place in found
    ]


def write_shares(shares: Shares) -> str:
    """Write the shares of several ReLUs as a sentence; nothing of one alone.

    >>> write_shares([("`1`", 0.52), ("`3`", 1.0)])
    'Of `1` 52 % are 0, of `3` 100 %.'
    >>> write_shares([("`1`", 1.0)])
    ''
    """
    if len(shares) < _SEVERAL:
        return ""
    shown = shares[:_SHOWN]
    first, *others = (f"of {name} {100 * share:.0f} %" for name, share in shown)
    more = f", and so on for {len(shares) - _SHOWN} more" * (len(shares) > _SHOWN)
    return f"O{first[1:]} are 0, {', '.join(others)}{more}."


def as_numbers(shares: Shares) -> tuple[tuple[str, float], ...]:
    """Return the shares as a finding keeps numbers."""
    return tuple((f"share of zeros of {name}", share) for name, share in shares)
