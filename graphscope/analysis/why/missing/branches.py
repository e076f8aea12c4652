"""Which `if`, loop or early return kept a line of the source from running.

The recording knows the lines at which ops ran. Of what surrounds a line that did not,
the outermost part with no op in it is what was not entered.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import Source, names_of
from graphscope.analysis.why.missing.bindings import Place
from graphscope.analysis.why.missing.ran import Ran
from graphscope.model.site import Site

_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)
_CHANGING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_NO_ROUND: Final = "the loop `{text}` ran no round"
_STEPPING: Final = (ast.Mod, ast.FloorDiv)


@dataclass(frozen=True, slots=True)
class Untaken:
    """What kept a line from running.

    Attributes:
        said: What did not happen, as a part of a sentence.
        short: The same in a few words, for a title.
        site: Its line.
        is_fixed: Whether it cannot be otherwise in the next step: the condition
            compares no counter, and draws no random number.
        others: What may have kept the line from running instead.
    """

    said: str
    short: str
    site: Site
    is_fixed: bool
    others: tuple[str, ...] = ()


def find_untaken(source: Source, node: ast.AST, ran: Ran) -> Untaken | None:
    """Return what kept an expression from running; None when nothing is seen to."""
    function = source.function_of(node)
    places = ran.in_function(source, function)
    found: list[Untaken] = []
    for inner, outer in _outside_in(source, node, function):
        part = _part_with(outer, inner)
        if part is None or _has_run(source, part.nodes, places):
            continue
        found.append(_untaken(source, part, function))
    if found:
        others = tuple(other.said for other in found[1:])
        first = found[0]
        return Untaken(first.said, first.short, first.site, first.is_fixed, others)
    return _left_before(source, node, function, places)


def find_empty_loop(source: Source, node: ast.AST, ran: Ran) -> Untaken | None:
    """Return the loop over an expression that ran no round."""
    function = source.function_of(node)
    inner = node
    for outer in source.above(node):
        if isinstance(outer, ast.For | ast.AsyncFor) and outer.iter is inner:
            if _has_run(source, outer.body, ran.in_function(source, function)):
                return None
            part = _Part(outer, outer.body, outer.iter, _NO_ROUND)
            return _untaken(source, part, function)
        inner = outer
    return None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a statement that runs or not: its code, and what decides."""

    owner: ast.stmt | ast.expr | ast.match_case
    nodes: Sequence[ast.AST]
    test: ast.expr | None
    said: str


def _outside_in(
    source: Source, node: ast.AST, function: ast.AST
) -> list[tuple[ast.AST, ast.AST]]:
    """Return `(part, what it is a part of)` from the function inwards."""
    found: list[tuple[ast.AST, ast.AST]] = []
    inner = node
    for outer in source.above(node):
        if outer is function:
            break
        found.append((inner, outer))
        inner = outer
    return found[::-1]


def _part_with(owner: ast.AST, inner: ast.AST) -> _Part | None:
    """Return the part of an `if`, loop or the like that holds `inner`."""
    match owner:
        case ast.If(test=test, body=body, orelse=orelse):
            return _either(owner, inner, test, (body, orelse))
        case ast.IfExp(test=test, body=one, orelse=other):
            return _either(owner, inner, test, ([one], [other]))
        case ast.For(body=body) | ast.AsyncFor(body=body) | ast.While(body=body):
            return _Part(owner, body, None, _NO_ROUND) if inner in body else None
        case ast.match_case(body=body):
            said = "`{text}` did not match"
            return _Part(owner, body, None, said) if inner in body else None
        case ast.ExceptHandler(body=body):
            return None if inner not in body else _handler(owner, body)
    return None


def _handler(owner: ast.ExceptHandler, body: Sequence[ast.AST]) -> _Part:
    # A handler has a line like a statement.
    return _Part(owner, body, None, "`{text}` caught nothing")  # type: ignore[arg-type]


def _either(
    owner: ast.If | ast.IfExp,
    inner: ast.AST,
    test: ast.expr,
    parts: tuple[Sequence[ast.AST], Sequence[ast.AST]],
) -> _Part | None:
    body, orelse = parts
    if inner in body:
        return _Part(owner, body, test, "the condition of `{text}` was not true")
    if inner in orelse:
        said = "the condition of `{text}` was true, and this is its `else`"
        return _Part(owner, orelse, test, said)
    return None


def _untaken(source: Source, part: _Part, function: ast.AST) -> Untaken:
    owner = part.owner
    line = owner.pattern.lineno if isinstance(owner, ast.match_case) else owner.lineno
    if isinstance(owner, ast.IfExp):
        text = source.text_of(owner)
    else:
        text = source.head_of(line)
    site = source.site_of_line(line, function)
    return Untaken(
        said=f"{part.said.format(text=_plain(text))} ({site.short})",
        short=f"`{_plain(text)}` not taken",
        site=site,
        is_fixed=part.test is not None and is_fixed(source, part.test),
    )


def _plain(text: str) -> str:
    """Leave out the colon that ends the line of a block."""
    return text.removesuffix(":")


def _has_run(source: Source, nodes: Sequence[ast.AST], places: set[Place]) -> bool:
    return any(_is_in(source, node, place) for node in nodes for place in places)


def _is_in(source: Source, node: ast.AST, place: Place) -> bool:
    (first, begin), (last, end) = source.spans(node)
    line, column = place
    if not first <= line <= last:
        return False
    if column < 0:
        return True
    return (first, begin) <= place < (last, end)


def _left_before(
    source: Source, node: ast.AST, function: ast.AST, places: set[Place]
) -> Untaken | None:
    """Return the `return` above an expression behind which nothing ran."""
    statement = _statement_of(source, node)
    last = max(places, default=(0, 0))
    exits = [e for e in _exits(source, function) if e.lineno < statement.lineno]
    if not exits or last[0] >= statement.lineno:
        return None
    left = max(
        (e for e in exits if _may_be_it(e, places)),
        key=lambda e: e.lineno,
        default=None,
    )
    if left is None:
        return None
    return _describe_exit(source, left, function)


def _describe_exit(source: Source, left: ast.stmt, function: ast.AST) -> Untaken:
    block = source.parents.get(left)
    site = source.site_of_line(left.lineno, function)
    said = f"`{_plain(source.head_of(left.lineno))}` ({site.short})"
    short = f"`{_plain(source.head_of(left.lineno))}` came before"
    if not isinstance(block, ast.If):
        ended = f"{said} left the function before it"
        return Untaken(ended, short, site, is_fixed=True)
    head = _plain(source.head_of(block.lineno))
    return Untaken(
        said=f"{said}, under `{head}`, left the function before it",
        short=short,
        site=source.site_of_line(block.lineno, function),
        is_fixed=is_fixed(source, block.test),
    )


def _may_be_it(left: ast.stmt, places: set[Place]) -> bool:
    """Whether the last op of the function ran in the block of a `return` or before."""
    last = max(places, default=(0, 0))[0]
    return last <= (left.end_lineno or left.lineno)


def _exits(source: Source, function: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and source.function_of(node) is function:
            yield node


def _statement_of(source: Source, node: ast.AST) -> ast.stmt:
    if isinstance(node, ast.stmt):
        return node
    return next(a for a in source.above(node) if isinstance(a, ast.stmt))


def is_fixed(source: Source, test: ast.expr) -> bool:
    """Whether a condition is a plain switch: no counter, no chance, no data."""
    for node in ast.walk(test):
        if isinstance(node, ast.Call) and not _is_plain_question(node):
            return False
        if isinstance(node, ast.Compare) and any(
            isinstance(op, _CHANGING) for op in node.ops
        ):
            return False
        if isinstance(node, ast.BinOp) and isinstance(node.op, _STEPPING):
            return False
    return not _is_made_here(source, test)


def _is_plain_question(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in (
        "isinstance", "hasattr", "getattr", "len", "bool",
    )  # fmt: skip


def _is_made_here(source: Source, test: ast.expr) -> bool:
    """Whether the condition reads a variable that the function itself computes."""
    read = {name for name in names_of(test) if "." not in name}
    for node in ast.walk(source.function_of(test)):
        match node:
            case ast.Assign(targets=targets, value=value):
                is_plain = isinstance(value, ast.Constant)
                names = {n for t in targets for n in names_of(t)}
                if not is_plain and names & read:
                    return True
            case ast.For(target=target) | ast.AugAssign(target=target):
                if names_of(target) & read:
                    return True
    return False
