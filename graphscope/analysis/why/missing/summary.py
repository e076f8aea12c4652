"""Which parameters of a model got no gradient in a step, counted by the reason."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import count
from graphscope.analysis.why.missing.explain import KIND, find_reason, reason_of
from graphscope.analysis.why.missing.leaves import has_arrived
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Reason
from graphscope.analysis.why.missing.seen import parameter_names
from graphscope.model.finding import Finding
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace

_MOST_NAMES: Final = 24

Group = tuple[Reason, list[str]]


def summarize_missing(facts: Facts, trace: Trace) -> Finding | None:
    """Say how many parameters of a step got no gradient, grouped by the reason.

    None when all got one, and in a step without parameters or without a backward.
    """
    look = Look(trace, facts)
    names = parameter_names(trace.graph)
    if not names or not trace.graph.roots:
        return None
    missing = missing_names(look, names)
    if not missing:
        return None
    groups = group_by_reason(look, missing)
    counted: Counter[str] = Counter()
    for reason, found in groups:
        counted[reason.said] += len(found)
    heads = [f"{number:,} {said}" for said, number in counted.most_common()]
    title = (
        f"{len(missing):,} of {count(len(names), 'parameter')} got no gradient: "
        f"{', '.join(heads)}"
    )
    first = groups[0][0]
    return Finding(
        kind=KIND,
        title=title,
        explanation=" ".join(_tell(group) for group in groups),
        remedy=first.remedy,
        step=trace.step,
        site=first.site,
        values=tuple(v for reason, _ in groups for v in reason.values[:1]),
        ops=tuple(op for reason, _ in groups for op in reason.ops),
        numbers=(
            ("parameters without a gradient", float(len(missing))),
            ("parameters", float(len(names))),
        ),
        paths=tuple(reason.paths[0] for reason, _ in groups if reason.paths),
        unknown=tuple(dict.fromkeys(u for reason, _ in groups for u in reason.unknown)),
    )


def missing_names(look: Look, names: Sequence[str]) -> list[str]:
    """Return those of some parameters that got no gradient in the step."""
    return [name for name in names if not _has_gradient(look, name)]


def _has_gradient(look: Look, name: str) -> bool:
    values = look.trace.graph.values
    ids = look.trace.graph.names.get(name, ())
    leaves = (values[i] for i in ids if values[i].kind is ValueKind.PARAMETER)
    return any(has_arrived(look, leaf) for leaf in leaves)


def group_by_reason(look: Look, names: Sequence[str]) -> list[Group]:
    """Return the reasons with the names that each is true of, the largest first."""
    found: dict[object, Group] = {}
    for name in names:
        reason = _reason_for(look, name)
        found.setdefault(reason.key, (reason, []))[1].append(name)
    return sorted(found.values(), key=lambda group: -len(group[1]))


def _reason_for(look: Look, name: str) -> Reason:
    leaf = look.leaf_named(name)
    if leaf is None:
        return find_reason(look, name)
    return reason_of(look, leaf)


def _tell(group: Group) -> str:
    reason, names = group
    shown = [f"`{name}`" for name in names[:_MOST_NAMES]]
    more = len(names) - len(shown)
    listed = ", ".join(shown) + (f" and {more:,} more" if more else "")
    return f"{listed}: {reason.because}"
