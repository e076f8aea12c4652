"""Gradient accumulation without the division: the sum of means instead of the mean.

Adding up several backwards before one update is what gradient accumulation does, and
losses of different kinds are meant to add. A fault is evident only where the backwards
are of parts of one batch: of the pieces of one tensor, or of as many steps of a loop as
the test in front of the update counts (`if (i + 1) % 4 == 0`).
"""

import ast
from collections.abc import Iterator, Sequence
from functools import partial
from math import isclose
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts, plain_name
from graphscope.analysis.evidence.reading import is_zero
from graphscope.analysis.evidence.source import source_of
from graphscope.analysis.evidence.wording import (
    code_of,
    name_and_place,
    name_value,
    where,
)
from graphscope.analysis.why.size.backwards import (
    Addition,
    accumulations,
    additions_to,
    update_events,
    zeroings,
)
from graphscope.analysis.why.size.form import form_of
from graphscope.analysis.why.size.wording import of_sizes, one
from graphscope.model.finding import Finding
from graphscope.model.graph import Role, ValueKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_SPLITS: Final = frozenset({"chunk", "split", "tensor_split"})
_TWO: Final = 2
_ROUNDING: Final = 1e-3


def find_undivided_accumulation(facts: Facts) -> Iterator[Check]:
    """Yield a check where an update follows several backwards from one line."""
    graph = facts.graph
    updates = update_events(graph)
    roots = [graph.values[root] for root in graph.roots]
    sites = {None if root.op is None else graph.ops[root.op].site for root in roots}
    if not updates or len(roots) < _TWO or len(sites) > 1 or None in sites:
        return
    for value in graph.values:
        if value.kind is ValueKind.PARAMETER and value.name:
            events = accumulations(graph, value.id)
            zeroed = zeroings(graph, value.id)
            used = [event for event in events if event < updates[-1]]
            is_kept = not any(used and used[0] < z < updates[-1] for z in zeroed)
            if len(used) == len(roots) and is_kept:
                yield partial(_judge, facts, value.id, updates[-1])
                return


def _judge(facts: Facts, leaf: int, update: int, trace: Trace) -> Finding | None:
    found = additions_to(trace, leaf)
    roots = [a.root for a in found if a.root is not None]
    if len(set(roots)) < len(found) or is_zero(found[0].arrived):
        return None
    forms = [form_of(facts, trace, root) for root in roots]
    means = [form for form in forms if form is not None and form.is_plain_mean]
    if len(means) < len(forms):
        return None
    if _is_changed_afterwards(trace, leaf, found[-1], means[-1].lift):
        return None
    evidence = _pieces(facts, trace, roots) or _counted(trace, update, found[0].site)
    losses = [form.op.outputs[0] for form in means]
    return _finding(trace, leaf, found, losses, evidence) if evidence else None


def _is_changed_afterwards(
    trace: Trace, leaf: int, last: Addition, lift: float
) -> bool:
    """Whether the user divided or clipped the sum himself before the update.

    A GradScaler divides it by what it multiplied the losses with.
    """
    used = trace.last_seen(leaf, Role.USED)
    if used is None or used.stats is None:
        return used is not None
    if last.after is None or last.after.stats is None:
        return True
    return not isclose(used.stats.l2 * lift, last.after.stats.l2, rel_tol=_ROUNDING)


def _pieces(facts: Facts, trace: Trace, roots: Sequence[int]) -> str:
    """Say that the losses are of pieces of one tensor, if each has its own."""
    made: list[dict[int, int]] = []  # for each loss: op that split -> the piece
    for root in roots:
        pieces = {
            value.op: value.id
            for value in facts.ancestors(root)
            if value.op is not None and plain_name(facts.graph.ops[value.op]) in _SPLITS
        }
        made.append(pieces)
    for op in made[0]:
        values = [pieces.get(op) for pieces in made]
        if None not in values and len(set(values)) == len(values):
            whole = facts.graph.ops[op].inputs[0]
            return f"They are of {len(roots)} pieces of {name_value(trace, whole)}."
    return ""


def _counted(trace: Trace, update: int, backward: Site | None) -> str:
    """Say which test lets only every so many backwards be used."""
    site = trace.graph.events[update].site
    source = None if site is None else source_of(trace.sources, site.file)
    if source is None or site is None or backward is None:
        return ""
    for node in ast.walk(source.tree):
        is_test = isinstance(node, ast.If) and _counts(node.test)
        if not is_test or not isinstance(node, ast.If):
            continue
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if site.line in lines and backward.line not in lines:
            return f"`if {source.text_of(node.test)}` lets the update wait for them."
    return ""


def _counts(test: ast.expr) -> bool:
    """Whether a test counts: `(i + 1) % 4 == 0`."""
    return any(
        isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod)
        for part in ast.walk(test)
    )


def _finding(
    trace: Trace,
    leaf: int,
    found: Sequence[Addition],
    losses: Sequence[int],
    evidence: str,
) -> Finding:
    name, count = name_value(trace, leaf), len(found)
    code = code_of(trace, losses[-1]) or "loss"
    code = code if code.isidentifier() else f"({code})"
    return Finding(
        kind="undivided-accumulation",
        title=f"The gradients of {count} backwards are added up and not divided",
        explanation=(
            f"{count} backwards{where(found[0].site)} come before one update, each of "
            f"{name_and_place(trace, losses[-1])}, a mean. {evidence} At {name} arrive "
            f"gradients {of_sizes([a.arrived for a in found])}, and the update uses "
            f"their sum, {one(found[-1].after)}: the mean over all samples is 1/{count}"
            " of it."
        ),
        remedy=(
            f"Divide each loss by their number, `{code} / {count}`, before its backward"
            f"{where(found[0].site)}."
        ),
        step=trace.step,
        site=found[0].site,
        values=(leaf, *losses),
        numbers=(("backwards before the update", float(count)),),
    )
