"""Gradients that were there, or passed, and never got to where they were looked for.

What no tree of one parameter shows: `.grad` read from a result, gradients emptied
before the update, returned instead of stored, or no backward in all the run.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.evidence.source import Source, dotted, source_of
from graphscope.analysis.evidence.wording import one_line, where
from graphscope.analysis.why.missing.attributes import read_through_attribute
from graphscope.analysis.why.missing.explain import reason_of, to_finding
from graphscope.analysis.why.missing.judge import is_replacement_harmful
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.analysis.why.missing.results import replaced_reason, why_result
from graphscope.analysis.why.missing.seen import parameter_names
from graphscope.model.finding import Finding
from graphscope.model.graph import EventKind, Value, ValueKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_RESULTS: Final = (ValueKind.RESULT, ValueKind.CARRIED)


def find_replaced(looks: Sequence[Look]) -> Iterator[Finding]:
    """Yield the leaves whose name a result has taken, and which then got nothing."""
    found: dict[object, tuple[Look, Reason, list[str]]] = {}
    for look in looks:
        for value in _results(look):
            if not is_replacement_harmful(look, value):
                continue
            reason = replaced_reason(look, value)
            if reason is not None and value.name is not None:
                found.setdefault(reason.key, (look, reason, [value.name]))
    for look, reason, names in found.values():
        yield to_finding(look.trace, reason, names)


def _results(look: Look) -> Iterator[Value]:
    """Yield the named results that a gradient passed through."""
    for value in look.trace.graph.values:
        if value.kind in _RESULTS and value.requires_grad and value.name is not None:
            yield value


def find_not_leaves(looks: Sequence[Look]) -> Iterator[Finding]:
    """Yield the results whose `.grad` the user's code reads, and which keep none."""
    told: set[tuple[str, int]] = set()
    for look in looks:
        for value in _results(look):
            if not look.trace.arrivals(value.id) or value.name is None:
                continue
            read, name = _grad_read_at(look.trace, value), value.name
            kept = None if read else read_through_attribute(look.trace, value)
            if kept is not None:
                read, name = kept.site, kept.code
            if read is None:
                continue
            reason = why_result(look, value)
            site = reason.site if len(reason.values) > 1 else read
            place = ("", 0) if site is None else (site.file, site.line)
            if reason.kind is not Kind.NOT_LEAF or place in told:
                continue
            told.add(place)
            asked = f" `{name}.grad`{where(read)} is None."
            if kept is not None:
                asked += f" `{kept.text}`{where(kept.set_at)} set `{name}`."
            because = f"{reason.because}{asked}"
            yield to_finding(
                look.trace, replace(reason, site=site, because=because), [name]
            )


def _grad_read_at(trace: Trace, value: Value) -> Site | None:
    """Return where the function that made a result reads its `.grad`."""
    source = None if value.site is None else source_of(trace.sources, value.site.file)
    if source is None or value.site is None or value.name is None:
        return None
    if not source.mentions(f"{value.name}.grad"):
        return None
    same = [trace.graph.values[i] for i in trace.graph.names.get(value.name, ())]
    if any(other.kind not in (*_RESULTS, ValueKind.GRADIENT) for other in same):
        return None
    function = source.enclosing(value.site)
    return None if function is None else _first_read(source, function, value)


def _first_read(source: Source, function: ast.AST, value: Value) -> Site | None:
    code = {f"{value.name}.grad", f"self.{value.name}.grad"}
    for node in ast.walk(function):
        if not isinstance(node, ast.Attribute) or dotted(node) not in code:
            continue
        is_read = isinstance(node.ctx, ast.Load)
        if is_read and source.function_of(node) is function:
            return source.site_of(node)
    return None


def find_emptied(look: Look, got: Iterable[str]) -> Iterator[Finding]:
    """Yield the zeroing between a backward and its update, which had nothing left."""
    groups: dict[object, tuple[Reason, list[str]]] = {}
    for name in _in_order(look, got):
        leaf = look.leaf_named(name)
        reason = None if leaf is None else reason_of(look, leaf)
        if reason is not None and reason.kind is Kind.ZEROED:
            groups.setdefault(reason.key, (reason, []))[1].append(name)
    for reason, names in groups.values():
        yield to_finding(look.trace, reason, names)


def _in_order(look: Look, names: Iterable[str]) -> list[str]:
    """Return names in the order of the model, and then of the alphabet."""
    order = {n: i for i, n in enumerate(parameter_names(look.trace.graph))}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def find_no_backward(look: Look) -> Iterator[Finding]:
    """Yield that an optimizer updates, and no backward ever ran."""
    graph = look.trace.graph
    updates = [e for e in graph.events if e.kind is EventKind.UPDATE]
    update = updates[0]
    results = [v for v in graph.values if v.kind is ValueKind.RESULT]
    wanted = [v for v in results if v.requires_grad]
    held = [p.name for run in graph.optimizers for p in run.parameters if p.name]
    is_fed = any(e.values for e in updates)  # with gradients from somewhere else
    if not wanted or not held or is_fed:
        return
    named = [v for v in wanted if v.name is not None] or wanted
    loss = look.trace.title_of(named[-1].id)
    call = "the update" if update.site is None else f"`{update.site.expression}`"
    reason = Reason(
        kind=Kind.NO_BACKWARD,
        title="no backward ran",
        because=(
            f"No backward ran in the step, nor in any other, so {one_line(call)}"
            f"{where(update.site)} had nothing to use and changed nothing."
        ),
        remedy=f"Call `{loss}.backward()` before {call}{where(update.site)}.",
        said="no backward ran",
        site=update.site,
        values=(named[-1].id,),
    )
    yield to_finding(look.trace, reason, held)


def find_only_captured(looks: Sequence[Look], names: set[str]) -> Iterator[Finding]:
    """Yield the gradients that an optimizer waits for and autograd.grad returned."""
    groups: dict[object, tuple[Look, Reason, list[str]]] = {}
    for name in _in_order(looks[0], names):
        for look in looks:
            leaf = look.leaf_named(name)
            reason = None if leaf is None else reason_of(look, leaf)
            if reason is not None and reason.kind is Kind.CAPTURED:
                groups.setdefault(reason.key, (look, reason, []))[2].append(name)
                break
    for look, reason, found in groups.values():
        remedy = (
            f"Write what it returns into `.grad` before the update, as in "
            f"`p.grad = g`, or call `backward()`{where(reason.site)}."
        )
        because = f"{reason.because} The optimizer reads `.grad` only."
        yield to_finding(
            look.trace, replace(reason, remedy=remedy, because=because), found
        )
