"""The line that puts tensors where they are held: `losses.append(loss)`.

A recording says which list holds them. What the code calls that list is looked for in
its text: a method's `self.losses` may be a caller's `meter.losses`, so the last name
counts, and of several lines the one that speaks of the tensor.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import (
    Source,
    all_sources,
    names_of,
    parse_expression,
)
from graphscope.model.kept import Holder, KeptGraph
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_LIST: Final = frozenset({"append", "extend", "insert"})
_DICT: Final = frozenset({"update", "setdefault"})
_ADDING: Final[Mapping[str, frozenset[str]]] = {
    "list": _LIST,
    "deque": _LIST | {"appendleft", "extendleft"},
    "set": frozenset({"add", "update"}),
    **dict.fromkeys(("dict", "defaultdict", "OrderedDict"), _DICT | _LIST),
}
"""Container -> the methods that put something into it, or into what is in it."""
_ANY_ADDING: Final = frozenset({"add", "append", "push", "put", "store", "log"})
_ANY: Final = frozenset().union(*_ADDING.values(), _ANY_ADDING)
CUTTING: Final = frozenset({"item", "detach", "tolist", "numpy", "detach_", "data"})
_NAMED: Final = 2
_NUMBERS: Final = frozenset({"float", "int", "bool", "str", "len"})


@dataclass(frozen=True, slots=True)
class Storing:
    """A statement that stores a tensor.

    Attributes:
        site: Where it is, with its text.
        given: Texts of the expressions that are stored.
        is_call: Whether it is a call of a method, such as `append`.
    """

    site: Site
    given: tuple[str, ...]
    is_call: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    node: ast.expr | ast.stmt
    source: Source
    given: tuple[ast.expr, ...]
    score: int


def find_storing(trace: Trace, kept: KeptGraph, holder: Holder) -> Storing | None:
    """Return the statement through which a holder has got its tensors.

    None where there is none in the recorded sources, or several that may be it.
    """
    ident = last_name(parse_expression(holder.name))
    if ident is None:
        return None
    methods = _ADDING.get(holder.container, _ANY)
    files = {holder.file, "" if kept.site is None else kept.site.file}
    found = [
        _Candidate(
            node,
            source,
            given,
            _score(source, node, given, kept) + (source.file in files),
        )
        for source in all_sources(trace.sources)
        for node, target, given in stores_in(source.tree, methods)
        if last_name(target) == ident and _may_hold(given)
    ]
    # `self.memory = deque()` makes the container; `best = loss` names what it stores.
    found = [one for one in found if one.score >= _NAMED or not _is_plain(one.node)]
    best = max((one.score for one in found), default=0)
    found = [one for one in found if one.score == best]
    if len(found) != 1:
        return None
    (one,) = found
    return Storing(
        one.source.site_of(one.node),
        tuple(one.source.text_of(g) for g in one.given),
        isinstance(one.node, ast.Call),
    )


def last_name(node: ast.AST | None) -> str | None:
    """Return the last name of what a piece of code means, without the places in it.

    >>> last_name(parse_expression("self.history['loss'][0]"))
    'history'
    >>> last_name(parse_expression("logs.setdefault(k, [])"))
    'logs'
    """
    while isinstance(node, ast.Subscript | ast.Call):
        is_call = isinstance(node, ast.Call)
        node = node.func if isinstance(node, ast.Call) else node.value
        if is_call and isinstance(node, ast.Attribute):
            node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def stores_in(
    tree: ast.AST, methods: Collection[str] = _ANY
) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST, tuple[ast.expr, ...]]]:
    """Yield what stores something: itself, where to, and what."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = (*node.args, *(k.value for k in node.keywords))
            if node.func.attr in methods and given:
                yield node, node.func.value, given
        elif isinstance(node, ast.AugAssign):
            yield node, node.target, (node.value,)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield node, target, (node.value,)


def _may_hold(given: tuple[ast.expr, ...]) -> bool:
    """Whether some of what is stored may have a graph: no literal, and not cut off."""
    return any(not _is_cut(expression) for expression in given)


def _is_cut(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr in CUTTING or _is_cut(function.value)
        return isinstance(function, ast.Name) and function.id in _NUMBERS
    if isinstance(node, ast.Attribute):
        return node.attr in CUTTING
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(_is_cut(element) for element in node.elts)
    return isinstance(node, ast.Constant | ast.Dict) and not getattr(node, "keys", ())


def _score(
    source: Source,
    node: ast.expr | ast.stmt,
    given: tuple[ast.expr, ...],
    kept: KeptGraph,
) -> int:
    """Return how surely a statement stores a value: it names it, or computes it."""
    names = {name for one in given for name in names_of(one)}
    own = kept.name, f"self.{kept.name}"  # names are recorded without `self.`
    is_named = bool(kept.name) and not names.isdisjoint(own)
    site = kept.site
    is_inside = (
        site is not None
        and site.file == source.file
        and node.lineno <= site.line <= (node.end_lineno or node.lineno)
    )
    return _NAMED * (is_named + is_inside)


def _is_plain(node: ast.AST) -> bool:
    """Whether a statement gives a variable or an attribute another value."""
    return isinstance(node, ast.Assign) and not any(
        isinstance(target, ast.Subscript) for target in node.targets
    )
