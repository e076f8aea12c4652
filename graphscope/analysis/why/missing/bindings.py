"""What a variable was made of when a line used it, as far as the source says.

Only the text is read: the last assignment above the line, and what was added to it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import Source, dotted

Place = tuple[int, int]
"""Line and column, in characters."""

_COLLECT: Final = frozenset({"append", "extend", "insert", "add"})


@dataclass(frozen=True, slots=True)
class _Binding:
    place: Place
    made_of: tuple[ast.expr, ...]
    is_new: bool


def made_of(
    source: Source, function: ast.AST, name: str, place: Place
) -> list[ast.expr]:
    """Return the expressions that a variable holds the result of, the last first.

    Nothing when it was bound in a way that says nothing, such as by an import.
    """
    found: list[ast.expr] = []
    bindings = sorted(
        (b for b in _bindings(source, function, name) if b.place < place),
        key=lambda binding: binding.place,
        reverse=True,
    )
    for binding in bindings:
        found += binding.made_of
        if binding.is_new:
            break
    return found


def _bindings(source: Source, function: ast.AST, name: str) -> Iterator[_Binding]:
    for node in ast.walk(function):
        bound = _bound_by(node, name)
        if bound is not None and source.function_of(node) is function:
            expressions, is_new = bound
            yield _Binding(source.spans(node)[0], expressions, is_new)


def _bound_by(node: ast.AST, name: str) -> tuple[tuple[ast.expr, ...], bool] | None:
    """Return what a node gives to a variable, and whether what it held is gone."""
    match node:
        case ast.Assign(targets=targets, value=value):
            is_mine = any(is_called(target, name) for target in targets)
            return ((value,), True) if is_mine else _unpacked(targets, name)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return ((value,), True) if is_called(target, name) else None
        case ast.NamedExpr(target=target, value=value):
            return ((value,), True) if is_called(target, name) else None
        case ast.AugAssign(target=target, value=value):
            return ((value,), False) if is_called(target, name) else None
        case ast.Call(func=ast.Attribute(value=owner, attr=verb), args=arguments):
            is_mine = verb in _COLLECT and is_called(owner, name)
            return (tuple(arguments), False) if is_mine else None
        case (
            ast.For(target=target, iter=over)
            | ast.comprehension(target=target, iter=over)
        ):
            return (
                (_of_loop(target, over, name), True)
                if _mentions(target, name)
                else None
            )
    return None


def _of_loop(target: ast.expr, over: ast.expr, name: str) -> tuple[ast.expr, ...]:
    """Return what the variable of a loop goes over; nothing where that is not seen."""
    if is_called(target, name):
        return (over,)
    match target, over:
        case ast.Tuple(elts=parts), ast.Call(func=ast.Name(id="zip"), args=each):
            pairs = zip(parts, each, strict=False)
        case ast.Tuple(elts=[_, part]), ast.Call(
            func=ast.Name(id="enumerate"), args=[each, *_]
        ):
            pairs = zip([part], [each], strict=True)
        case _:
            return ()
    found = [_of_loop(p, e, name) for p, e in pairs if _mentions(p, name)]
    return found[0] if found else ()


def _unpacked(
    targets: list[ast.expr], name: str
) -> tuple[tuple[ast.expr, ...], bool] | None:
    """Return that a tuple assignment binds a name, to nobody knows which part."""
    return ((), True) if any(_mentions(target, name) for target in targets) else None


def _mentions(target: ast.AST, name: str) -> bool:
    return any(
        is_called(node, name)
        for node in ast.walk(target)
        if isinstance(getattr(node, "ctx", None), ast.Store)
    )


def is_called(target: ast.AST, name: str) -> bool:
    """Whether a node is a variable of that name, an attribute of `self` too."""
    text = dotted(target)
    return text is not None and text.removeprefix("self.") == name
