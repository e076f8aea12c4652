"""Why a result of an op has no `.grad`: only leaves keep theirs."""

import ast
from collections.abc import Iterator
from itertools import chain

from graphscope.analysis.evidence.source import dotted, parse_expression, source_of
from graphscope.analysis.evidence.wording import name_call, norm_of, one_line, where
from graphscope.analysis.why.missing.flow import Link
from graphscope.analysis.why.missing.leaves import present_reason
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.passing import why_not_reached
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.model.graph import Value, ValueKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace


def why_result(look: Look, value: Value) -> Reason:
    """Return why something that an op computed has no `.grad`."""
    if not value.requires_grad:
        return _without_history(look, value)
    replaced = replaced_reason(look, value)
    if replaced is not None:
        return replaced
    arrived = look.trace.arrivals(value.id)
    if not arrived:
        return why_not_reached(look, value)
    event, seen = arrived[-1]
    retained = _retained_at(look.trace, value)
    if retained is not None and seen is not None:
        backward = look.trace.graph.events[event].site
        return present_reason(look, value, backward, seen)
    return _not_leaf(look, value)


def replaced_reason(look: Look, value: Value) -> Reason | None:
    """Return that a result has taken the name of a leaf: `w = w - lr * w.grad`."""
    leaf = _leaf_before(look.trace, value)
    if leaf is None or value.name is None:
        return None
    site = _made_at(look.trace, value)
    text = _statement(look.trace, site, value.name)
    name = value.name
    return Reason(
        kind=Kind.REPLACED,
        title="it was replaced by a result",
        because=(
            f"`{name}` is no longer the leaf: `{text}`{where(site)} made a new tensor "
            "that has the old one in its history, and `.grad` is kept only for leaves."
        ),
        remedy=_in_place(text, name, site),
        said=f"replaced by `{text}`{where(site)}",
        site=site,
        values=(value.id, leaf.id),
        ops=() if value.op is None else (value.op,),
    )


def _leaf_before(trace: Trace, value: Value) -> Value | None:
    """Return the leaf of the same name that a result was computed from."""
    if value.name is None or value.is_leaf:
        return None
    if value.kind is ValueKind.CARRIED:
        line = update_line(trace, value)
        return value if line is not None else None
    if not _uses_its_gradient(trace, value):
        return None
    kinds = (ValueKind.PARAMETER, ValueKind.CARRIED)
    same = _read_by_name(trace, value)
    direct = (v for v in same if v.kind in kinds)
    others = (v for v in same if _comes_from_leaf(trace, v))
    return next(chain(direct, others), None)


def _read_by_name(trace: Trace, value: Value) -> list[Value]:
    """Return what a result was computed from under its own name."""
    values = trace.graph.values
    op = None if value.op is None else trace.graph.ops[value.op]
    read = [] if op is None else [values[v] for v in op.inputs]
    return [v for v in read if v.name == value.name]


def _comes_from_leaf(trace: Trace, result: Value) -> bool:
    """Whether a result replaced a leaf, itself or by way of others that did."""
    waiting, seen = [result], {result.id}
    while waiting:
        value = waiting.pop()
        if value.is_leaf or value.kind is not ValueKind.RESULT:
            continue
        if not _uses_its_gradient(trace, value):
            continue
        for one in _read_by_name(trace, value):
            if one.kind in (ValueKind.PARAMETER, ValueKind.CARRIED):
                return True
            if one.id not in seen:
                seen.add(one.id)
                waiting.append(one)
    return False


def _uses_its_gradient(trace: Trace, value: Value) -> bool:
    """Whether a result was computed with the gradient of what it replaces."""
    return (
        any(
            found.kind is ValueKind.GRADIENT and not found.requires_grad
            for found in _ancestors(trace, value)
        )
        or update_line(trace, value) is not None
    )


def _ancestors(trace: Trace, value: Value) -> Iterator[Value]:
    """Yield what a value was computed from, back to the last leaves."""
    graph = trace.graph
    waiting, seen = [value.id], {value.id}
    while waiting:
        found = graph.values[waiting.pop()]
        yield found
        if found.op is None or (found.name == value.name and found is not value):
            continue
        for one in graph.ops[found.op].inputs:
            if one not in seen:
                seen.add(one)
                waiting.append(one)


def update_line(trace: Trace, value: Value) -> Site | None:
    """Return the line of the source that computes a name from its own gradient."""
    source = None if value.site is None else source_of(trace.sources, value.site.file)
    if source is None or value.site is None or value.name is None:
        return None
    if f"{value.name}.grad" not in source.attributes:
        return None
    function = source.enclosing(value.site) or source.tree
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[target], value=made):
                if dotted(target) == value.name and _mentions_both(made, value.name):
                    return source.site_of(node)
    return None


def _mentions_both(made: ast.expr, name: str) -> bool:
    names = [dotted(node) for node in ast.walk(made)]
    own = names.count(name) - names.count(f"{name}.grad")
    return own > 0 and f"{name}.grad" in names


def _made_at(trace: Trace, value: Value) -> Site | None:
    op = None if value.op is None else trace.graph.ops[value.op]
    line = update_line(trace, value)
    if line is not None:
        return line
    return value.site if op is None else op.site


def _statement(trace: Trace, site: Site | None, name: str) -> str:
    source = None if site is None else source_of(trace.sources, site.file)
    if source is None or site is None:
        return f"{name} = …"
    return one_line(source.head_of(site.line))


def _in_place(text: str, name: str, site: Site | None) -> str:
    """Write the update so that the leaf stays one."""
    made = parse_expression(text.partition("=")[2])
    change = ""
    match made:
        case ast.BinOp(left=ast.Name(id=left), op=ast.Sub() as op, right=right) | (
            ast.BinOp(left=ast.Name(id=left), op=ast.Add() as op, right=right)
        ) if left == name:
            sign = "-" if isinstance(op, ast.Sub) else "+"
            change = f"{name} {sign}= {ast.unparse(right)}"
    if change:
        block = f"`with torch.no_grad(): {change}`"
        return f"Write {block}{where(site)}, which changes the leaf itself."
    return f"Change `{name}` in place under `torch.no_grad()`{where(site)}."


def _not_leaf(look: Look, value: Value) -> Reason:
    trace = look.trace
    op = None if value.op is None else trace.graph.ops[value.op]
    made = "an op of an earlier step" if op is None else name_call(trace, op)
    seen = trace.gradient_of(value.id)
    name = value.name or "the result"
    inner = [] if op is None else [trace.graph.values[v] for v in op.inputs]
    hidden = [v for v in inner if v.kind is ValueKind.PARAMETER and v.name is None]
    if hidden:
        leaf = (
            f" The leaf is the tensor inside of {made}, which has no name any more: "
            "its `.grad` got the gradient."
        )
        remedy = (
            f"Make `{name}` the leaf: leave `requires_grad=True` out of {made}, and "
            f"call `{name}.requires_grad_()` behind it."
        )
    else:
        leaf = ""
        remedy = f"Call `{name}.retain_grad()` before the backward."
    return Reason(
        kind=Kind.NOT_LEAF,
        title="it is not a leaf",
        because=(
            f"It is the result of {made}, and backward keeps `.grad` only for leaves. "
            f"The gradient that passed through it was {norm_of(seen)}.{leaf}"
        ),
        remedy=remedy,
        said="not a leaf",
        site=value.site if op is None else op.site,
        values=(value.id, *(v.id for v in hidden)),
    )


def _retained_at(trace: Trace, value: Value) -> int | None:
    """Return the line that calls `retain_grad()` on a value, None without one."""
    source = None if value.site is None else source_of(trace.sources, value.site.file)
    if source is None or value.name is None:
        return None
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="retain_grad")):
                if (dotted(owner) or "").removeprefix("self.") == value.name:
                    return node.lineno
    return None


def _without_history(look: Look, value: Value) -> Reason:
    """Return why a result does not require a gradient."""
    cuts = [look.cut_at(link) for link in links_into(look, value.id)]
    if not cuts:
        because = "Nothing that it was computed from requires a gradient."
        remedy = "Let a leaf that it is computed from require one."
        if not value.dtype.startswith(("float", "bfloat", "complex")):
            because = (
                f"It is of dtype {value.dtype}, and only floating numbers have one."
            )
            remedy = "Use a floating tensor, if it is to have a gradient."
        return Reason(
            kind=Kind.NOT_ASKED,
            title="it does not require one",
            because=because,
            remedy=remedy,
            said="not requiring one",
            site=value.site,
            values=(value.id,),
        )
    first = cuts[0]
    return Reason(
        kind=Kind.CUT,
        title=first.mark,
        because=(
            f"It has no history, so no gradient can come to it: {first.call} made it "
            f"so, as {first.why}."
        ),
        remedy=first.remedy,
        said=first.said,
        site=first.site,
        values=(value.id,),
        ops=tuple(cut.op for cut in cuts if cut.op is not None),
        unknown=tuple(cut.unknown for cut in cuts if cut.unknown),
        cuts=cuts,
    )


def links_into(look: Look, value: int) -> list[Link]:
    """Return the cuts behind which a value lies, the last on its way first."""
    before: dict[int, list[Link]] = {}
    for links in look.flow.onward.values():
        for link in links:
            before.setdefault(link.target, []).append(link)
    values = look.trace.graph.values
    waiting, seen, found = [value], {value}, list[Link]()
    while waiting:
        for link in before.get(waiting.pop(0), ()):
            if values[link.source].requires_grad and not link.carries:
                found.append(link)
            elif link.source not in seen:
                seen.add(link.source)
                waiting.append(link.source)
    return found
