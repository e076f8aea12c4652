"""Why nothing that a loss was computed from requires a gradient."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import (
    Source,
    all_sources,
    dotted,
    names_of,
    source_of,
)
from graphscope.analysis.evidence.wording import count, listing, name_and_place, where
from graphscope.analysis.why.missing.bindings import is_called
from graphscope.analysis.why.missing.branches import find_untaken
from graphscope.analysis.why.missing.leaves import tell_line
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.results import update_line
from graphscope.analysis.why.no_graph.root import Failed
from graphscope.model.graph import OpKind, Value, ValueKind
from graphscope.model.site import Site

_OPTIMIZERS: Final = re.compile(r"optim|\b(?:SGD|Adam\w*|RMSprop|Adagrad|LBFGS)\b")


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why there never was a history.

    Attributes:
        short: In a few words.
        because: Complete sentences.
        remedy: What to do.
        site: The line to blame, None when it is not known.
        values: Ids of the leaves concerned.
        unknown: What cannot be told.
    """

    short: str
    because: str
    remedy: str
    site: Site | None = None
    values: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()


def why_nothing(look: Look, failed: Failed) -> Nothing:
    """Return why nothing behind a root requires a gradient."""
    leaves = leaves_of(look, failed.root)
    found = (
        next((r for v in leaves if (r := _rebound(look, v)) is not None), None)
        or next((r for v in leaves if (r := _too_late(look, v)) is not None), None)
        or _frozen(look, leaves)
        or _never_added(look, failed)
    )
    return _plain(look, failed, leaves) if found is None else found


def leaves_of(look: Look, root: Value) -> list[Value]:
    """Return the tensors that a value was computed from, in order."""
    graph = look.trace.graph
    found = {
        value.id: value
        for value in look.facts.ancestors(root.id)
        if value.kind is not ValueKind.CONSTANT
        and (value.op is None or graph.ops[value.op].kind is OpKind.CREATE)
    }
    return [found[i] for i in sorted(found)]


def _rebound(look: Look, value: Value) -> Nothing | None:
    """Return that a leaf was replaced in an earlier step, under no_grad."""
    line = update_line(look.trace, value)
    if line is None or value.op is not None:
        return None
    name = value.name
    return Nothing(
        short=f"`{name}` was replaced under no_grad",
        because=(
            f"`{name}` does not require a gradient any more: "
            f"{tell_line(look, line)} made a new tensor under no_grad."
        ),
        remedy=f"Change `{name}` in place{where(line)}, with `-=` or `+=`.",
        site=line,
        values=(value.id,),
    )


def _too_late(look: Look, value: Value) -> Nothing | None:
    """Return that the source asks for a gradient only behind the computation."""
    place = value.site
    source = None if place is None else source_of(look.trace.sources, place.file)
    function = None if source is None or place is None else source.enclosing(place)
    if source is None or function is None or value.name is None:
        return None
    used = _first_use(look, value)
    for node in ast.walk(function):
        if _asks(node, value.name) and isinstance(node, ast.stmt):
            late = source.site_of(node)
            if used is not None and late.line > used.line:
                return _tell_late(look, value, used, late)
    return None


def _first_use(look: Look, value: Value) -> Site | None:
    graph = look.trace.graph
    sites = [graph.ops[op].site for op in graph.consumers.get(value.id, ())]
    return next((site for site in sites if site is not None), None)


def _asks(node: ast.AST, name: str) -> bool:
    """Whether a statement is `x.requires_grad_()` or `x.requires_grad = True`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=verb))):
            return verb == "requires_grad_" and is_called(owner, name)
        case ast.Assign(targets=[ast.Attribute(value=owner, attr="requires_grad")]):
            is_true = isinstance(node.value, ast.Constant) and node.value.value is True
            return is_true and is_called(owner, name)
    return False


def _tell_late(look: Look, value: Value, used: Site, late: Site) -> Nothing:
    setting = tell_line(look, late)
    return Nothing(
        short="requires_grad set too late",
        because=(
            f"When `{used.expression}`{where(used)} used `{value.name}`, it did not "
            f"require a gradient yet: {setting} comes after it."
        ),
        remedy=f"Move {setting} before line {used.line}.",
        site=late,
        values=(value.id,),
    )


def _frozen(look: Look, leaves: Sequence[Value]) -> Nothing | None:
    """Return that all parameters are frozen, and by which line."""
    frozen = [v for v in leaves if v.kind is ValueKind.PARAMETER]
    if not frozen:
        return None
    by: dict[str, Site] = {}
    for value in frozen:
        if value.set_by is not None:
            by.setdefault(tell_line(look, value.set_by), value.set_by)
    names = listing([f"`{v.name}`" for v in frozen if v.name] or ["its parameters"])
    all_of = "its parameter is" if len(frozen) == 1 else f"all {len(frozen)} are"
    who = f": {listing(list(by))} made it so" if by else ""
    doubt = "Cannot tell which line froze them: that was before the recording began."
    unset = any(v.set_by is None for v in frozen)
    undo = f"Leave out {listing(list(by))}, or let" if by else "Let"
    return Nothing(
        short="all parameters are frozen",
        because=(
            f"It is computed from {count(len(frozen), 'parameter')}, {names}, and "
            f"{all_of} frozen, with requires_grad False{who}."
        ),
        remedy=f"{undo} those that are to learn require a gradient.",
        site=next(iter(by.values()), None),
        values=tuple(v.id for v in frozen),
        unknown=(doubt,) if unset else (),
    )


def _never_added(look: Look, failed: Failed) -> Nothing | None:
    """Return that the loss is the tensor it began as: its loop added nothing."""
    root = failed.root
    if root.name is None or (root.op is not None and not _is_created(look, root)):
        return None
    for source, node in _changes_of(look, root):
        untaken = find_untaken(source, node, look.ran)
        if untaken is not None:
            change = source.site_of(node)
            return Nothing(
                short="nothing was added to it",
                because=(
                    f"It is still what it began as: {tell_line(look, change)} was not "
                    f"reached, because {untaken.said}."
                ),
                remedy=f"See that {tell_line(look, change)} runs, or leave out the "
                f"backward{where(failed.site)} when it does not.",
                site=untaken.site,
                values=(root.id,),
            )
    return None


def _is_created(look: Look, value: Value) -> bool:
    op = None if value.op is None else look.trace.graph.ops[value.op]
    return op is not None and op.kind is OpKind.CREATE


def _changes_of(look: Look, root: Value) -> Iterator[tuple[Source, ast.stmt]]:
    """Yield the statements that add to what a variable holds."""
    source = (
        None if root.site is None else source_of(look.trace.sources, root.site.file)
    )
    if source is None or root.site is None or root.name is None:
        return
    function = source.enclosing(root.site) or source.tree
    for node in ast.walk(function):
        match node:
            case ast.AugAssign(target=target):
                if is_called(target, root.name):
                    yield source, node
            case ast.Assign(targets=[target], value=value):
                if is_called(target, root.name) and root.name in names_of(value):
                    yield source, node


def _plain(look: Look, failed: Failed, leaves: Sequence[Value]) -> Nothing:
    """Return that everything is plain data."""
    floats = [v for v in leaves if v.dtype.startswith(("float", "bfloat", "complex"))]
    named = [v for v in floats if v.name is not None]
    meant = [v for v in named if _is_meant_to_learn(look, v)] or (
        named if len(named) == 1 else []
    )
    if not leaves or leaves == [failed.root]:
        because = "It was computed from no tensor at all."
        return Nothing(
            short="it was computed from nothing",
            because=because,
            remedy="Compute it from the parameters, by operations of torch.",
            site=None,
        )
    listed = listing([name_and_place(look.trace, v.id) for v in named or leaves])
    first = meant[0] if meant else None
    who = f"`{first.name}`" if first is not None else "what is to learn"
    made = None if first is None else _made_at(look, first)
    return Nothing(
        short="nothing requires a gradient",
        because=(f"Nothing that it is computed from requires a gradient: {listed}."),
        remedy=f"Pass `requires_grad=True` where {who} is made{where(made)}.",
        site=made,
        values=tuple(v.id for v in meant or named or leaves),
    )


def _made_at(look: Look, value: Value) -> Site | None:
    op = None if value.op is None else look.trace.graph.ops[value.op]
    return value.site if op is None or op.site is None else op.site


def _is_meant_to_learn(look: Look, value: Value) -> bool:
    """Whether the source gives a variable to an optimizer, or asks for its `.grad`."""
    name = value.name or ""
    for source in all_sources(look.trace.sources):
        if not source.mentions(name):
            continue
        for node in ast.walk(source.tree):
            match node:
                case ast.Attribute(value=owner, attr="grad"):
                    if dotted(owner) == name:
                        return True
                case ast.Call(func=function, args=arguments):
                    is_optimizer = _OPTIMIZERS.search(source.text_of(function))
                    given = {n for a in arguments for n in names_of(a)}
                    if is_optimizer and name in given:
                        return True
    return False
