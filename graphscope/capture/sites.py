"""From a running frame to the user's words: expression, target names, argument texts.

The package `executing` finds the AST node of the instruction that a frame is at; all
that depends only on the instruction is worked out once and cached by
`(code, f_lasti)`. No name found is no name, never an error.
"""

import ast
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from re import compile as pattern
from threading import RLock
from types import FrameType
from typing import Final

import executing

from graphscope.capture.faults import is_from_handler
from graphscope.capture.frames import FrameWalker, place_of
from graphscope.model.site import Frame, Site

_MAX_EXPRESSION: Final = 400
_LINE_END: Final = pattern(
    r"\r\n|\r|\n"
)  # as Python counts lines; splitlines() has more
_LITERALS: Final = (int, float, complex, bool)


class _Parsing:
    """One thread at a time: Python 3.11 fails where two parse source code at once."""

    def __init__(self) -> None:
        self._lock = RLock()
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_PARSING: Final = _Parsing()


@dataclass(frozen=True, slots=True)
class Spot:
    """What one instruction of the user's code says, whatever the call stack.

    Attributes:
        site: Site without its stack.
        targets: Names that the expression's result is assigned to; several for tuple
            targets, with None where a target is not a name.
        operands: Text of each operand or positional argument, receiver first for
            method calls.
        literals: Whether each of `operands` is a number written in the source.
        keywords: Text of each keyword argument.
        is_method: Whether `operands[0]` is what a method was called on.
        is_operator: Whether it is an operator (`a * b`), not a call.
        statement_line: First line of the statement, to tell ops of one statement.
    """

    site: Site
    targets: tuple[str | None, ...] = ()
    operands: tuple[str, ...] = ()
    literals: tuple[bool, ...] = ()
    keywords: tuple[tuple[str, str], ...] = ()
    is_method: bool = False
    is_operator: bool = False
    statement_line: int = 0


class SiteFinder:
    """Caches spots by instruction and sites by call stack; one per recorder."""

    def __init__(self, walker: FrameWalker) -> None:
        self._walker = walker
        self._spots: dict[int, Spot] = {}
        self._sites: dict[tuple[int, ...], Site] = {}
        self.sources: dict[str, str] = {}

    def find(self, frame: FrameType) -> tuple[Spot, Site]:
        """Return the spot that `frame` is at, and its site with the call stack."""
        self._walker.owner(frame.f_code)  # which keeps the code, and with it the place
        key = place_of(frame)
        spot = self._spots.get(key)
        if spot is None:
            spot = self._spots[key] = self._read(frame)
        callers = tuple(self._walker.calling_frames(frame))
        stack_key = (key, *map(place_of, callers))
        site = self._sites.get(stack_key)
        if site is None:
            stack = tuple(
                Frame(f.f_code.co_filename, f.f_lineno, f.f_code.co_qualname)
                for f in callers
            )
            site = self._sites[stack_key] = replace(spot.site, stack=stack)
            for caller in callers:
                self._keep_source(caller)
        return spot, site

    def _keep_source(self, frame: FrameType) -> None:
        """Keep the text of a file that only appears as a caller."""
        file = frame.f_code.co_filename
        if file not in self.sources:
            with _PARSING:
                self.sources[file] = executing.Source.for_frame(frame).text

    def _read(self, frame: FrameType) -> Spot:
        code = frame.f_code
        where = Site(
            file=code.co_filename,
            line=frame.f_lineno,
            end_line=frame.f_lineno,
            column=-1,
            end_column=-1,
            function=code.co_qualname,
            expression="",
        )
        try:
            with _PARSING:
                running = executing.Source.executing(frame)
            source = running.source
            node: ast.AST | None = running.node  # typed as never None, but it can be
            if source.text:
                self.sources.setdefault(code.co_filename, source.text)
            if node is None:
                return Spot(where, statement_line=frame.f_lineno)
            return _describe(node, where=where, lines=_LINE_END.split(source.text))
        except Exception as fault:  # source code of any kind; a name is optional
            if is_from_handler(fault):
                raise
            return Spot(where, statement_line=frame.f_lineno)


def _describe(node: ast.AST, *, where: Site, lines: list[str]) -> Spot:
    whole = _whole(node)
    line, column, end_line, end_column = span = _span(whole, lines)
    site = replace(
        where,
        line=line,
        end_line=end_line,
        column=column,
        end_column=end_column,
        expression=_cut(span, lines),
    )
    operands, is_method = _operands(node)
    return Spot(
        site=site,
        targets=_targets(node, lines) if whole is node else (),
        operands=tuple(_cut(_span(o, lines), lines) for o in operands),
        literals=tuple(_is_literal(o) for o in operands),
        keywords=tuple(_keywords(node, lines)),
        is_method=is_method,
        is_operator=not isinstance(node, ast.Call),
        statement_line=_statement_line(node),
    )


def _whole(node: ast.AST) -> ast.AST:
    """Return the expression as users see it: all of `h[0] = 5.0`, a loop's iterator.

    Likewise all of `p.requires_grad = False`.
    """
    parent: object = getattr(node, "parent", None)
    if isinstance(node, ast.For | ast.AsyncFor):
        return node.iter
    is_place = isinstance(node, ast.Subscript | ast.Attribute)
    is_stored = is_place and isinstance(getattr(node, "ctx", None), ast.Store)
    if is_stored and isinstance(parent, ast.Assign | ast.AugAssign):
        return parent
    return node


def _span(node: ast.AST, lines: list[str]) -> tuple[int, int, int, int]:
    """Return line, column, end line, end column, in characters instead of bytes."""
    line: int = node.lineno  # type: ignore[attr-defined]
    end: int = node.end_lineno  # type: ignore[attr-defined]
    return (
        line,
        _characters(lines[line - 1], node.col_offset),  # type: ignore[attr-defined]
        end,
        _characters(lines[end - 1], node.end_col_offset),  # type: ignore[attr-defined]
    )


def _characters(line: str, offset: int) -> int:
    if line.isascii():
        return offset
    return len(line.encode()[:offset].decode(errors="ignore"))


def _cut(span: tuple[int, int, int, int], lines: list[str]) -> str:
    line, column, end, end_column = span
    if line == end:
        return lines[line - 1][column:end_column][:_MAX_EXPRESSION]
    parts = [lines[line - 1][column:], *lines[line : end - 1]]
    parts.append(lines[end - 1][:end_column])
    return "\n".join(parts)[:_MAX_EXPRESSION]


def _operands(node: ast.AST) -> tuple[list[ast.AST], bool]:
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right], False
        case ast.AugAssign(target=target, value=value):
            return [target, value], False
        case ast.Compare(left=left, comparators=[right, *_]):
            return [left, right], False
        case ast.UnaryOp(operand=operand):
            return [operand], False
        case ast.Subscript(ctx=ast.Store()):
            return _stored(node), False
        case ast.Subscript(value=value) | ast.Attribute(value=value):
            return [value], False
        case ast.Call():
            return _called(node)
    return [], False


def _called(node: ast.Call) -> tuple[list[ast.AST], bool]:
    if isinstance(node.func, ast.Attribute):
        return [node.func.value, *node.args], True
    return list(node.args), False


def _stored(node: ast.Subscript) -> list[ast.AST]:
    """Return target, index and new value of `h[0] = 5.0`: what `__setitem__` gets."""
    parent: object = getattr(node, "parent", None)
    given = [parent.value] if isinstance(parent, ast.Assign) else []
    return [node.value, node.slice, *given]


def _is_literal(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_literal(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, _LITERALS)


def _keywords(node: ast.AST, lines: list[str]) -> Iterable[tuple[str, str]]:
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield keyword.arg, _cut(_span(keyword.value, lines), lines)


def _targets(node: ast.AST, lines: list[str]) -> tuple[str | None, ...]:
    """Return the names that the result of `node` is assigned to."""
    if isinstance(node, ast.AugAssign):
        return (_name(node.target, lines),)
    child, parent = node, getattr(node, "parent", None)
    if isinstance(parent, ast.Tuple):
        # As in: one, two = f(x), g(y)
        grand = getattr(parent, "parent", None)
        index = parent.elts.index(node) if isinstance(node, ast.expr) else -1
        names = _assigned(grand, parent, lines)
        return (names[index],) if 0 <= index < len(names) else ()
    if isinstance(parent, ast.Subscript) and _is_only_gradient(parent):
        return _assigned(getattr(parent, "parent", None), parent, lines)
    return _assigned(parent, child, lines)


def _is_only_gradient(taken: ast.Subscript) -> bool:
    """Whether it is as in `torch.autograd.grad(y, x)[0]`, which returns a tuple."""
    call, index = taken.value, taken.slice
    if not isinstance(call, ast.Call) or not isinstance(index, ast.Constant):
        return False
    return index.value == 0 and ast.unparse(call.func).endswith("autograd.grad")


def _assigned(
    parent: object, child: ast.AST, lines: list[str]
) -> tuple[str | None, ...]:
    match parent:
        case ast.Assign(targets=targets, value=value) if value is child:
            target = targets[-1]
        case ast.AnnAssign(target=only, value=value) if value is child:
            target = only
        case ast.NamedExpr(target=only, value=value) if value is child:
            target = only
        case _:
            return ()
    return tuple(_names(target, lines))


def _names(target: ast.AST, lines: list[str]) -> Iterable[str | None]:
    """Yield the names in a target, in the order in which results are flattened."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _names(element, lines)
    else:
        yield _name(target, lines)


def _name(target: ast.AST, lines: list[str]) -> str | None:
    """Return a target's text when it is a plain or dotted name, or `self.x[0]`."""
    if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        text = " ".join(_cut(_span(target, lines), lines).split())
        return text.removeprefix("self.")
    return None


def _statement_line(node: ast.AST) -> int:
    found: object = node
    while isinstance(found, ast.AST) and not isinstance(found, ast.stmt):
        found = getattr(found, "parent", None)
    line: int = getattr(found, "lineno", getattr(node, "lineno", 0))
    return line
