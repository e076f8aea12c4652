"""Turns an expression into a function: once, so that each event costs little.

simpleeval parses the text and walks the tree. Its table of nodes is replaced by the few
below, so that it refuses whatever else Python's grammar has, and what it computes is
not a number but a function of the event. Nothing of the user's program can be reached:
a name is never looked up anywhere but in an `Arrival`.
"""

import ast
from collections.abc import Callable
from math import isfinite, isinf
from typing import Any, Final

from simpleeval import InvalidExpression, SimpleEval  # type: ignore[import-untyped]

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.expressions.functions import FUNCTIONS, MANY, OPERATORS
from graphscope.debugger.expressions.mistakes import Mistake
from graphscope.debugger.expressions.references import Reader, Reference, resolve
from graphscope.debugger.expressions.tokens import (
    Sort,
    Token,
    split_text,
    substitute,
)

MAX_LENGTH: Final = 300
"""Most characters of an expression."""
MAX_DEPTH: Final = 40
"""Most expressions inside of each other."""

_TOO_DEEP: Final = "This is nested too deeply; write it in a simpler way."
_FAILURES: Final = (ArithmeticError, ValueError)  # 1 / 0, overflow, log(-1)

_WALKER: Final = SimpleEval(operators=OPERATORS, functions=FUNCTIONS, names={})


def compile_text(text: str) -> tuple[Reader, tuple[Reference, ...]]:
    """Return the function that `text` is, and all that it refers to.

    Raises:
        Mistake: The text is no expression.
    """
    if len(text) > MAX_LENGTH:
        raise Mistake(f"An expression has at most {MAX_LENGTH} characters.", MAX_LENGTH)
    tokens = split_text(text)
    if not tokens:
        raise Mistake("An expression is missing.", 0)
    _check_depth(tokens)
    tree = _parse(substitute(text, tokens), tokens)
    references = {t.start: resolve(t) for t in tokens if t.sort is Sort.REFERENCE}
    tree = _Marked(references).visit(tree)
    try:
        read: Reader = _WALKER.eval("", tree)
    except InvalidExpression:
        raise Mistake("This is more than an expression may have.", 0) from None
    return read, tuple(references.values())


def _check_depth(tokens: list[Token]) -> None:
    """Refuse many parentheses before the parser sees them."""
    depth = 0
    for token in tokens:
        depth += (token.sort is Sort.OPEN) - (token.sort is Sort.CLOSE)
        if depth > MAX_DEPTH:
            raise Mistake(_TOO_DEEP, token.start)


def _parse(text: str, tokens: list[Token]) -> ast.AST:
    """Parse a text that has plain identifiers only; columns are those of the text."""
    start = tokens[0].start
    try:
        tree: ast.AST = SimpleEval.parse(text)
    except SyntaxError as error:
        raise _syntax_mistake(error, start, tokens) from None
    except (ValueError, RecursionError, MemoryError, InvalidExpression):
        raise Mistake("This cannot be read as an expression.", start) from None
    for node in _nodes_within(tree, start):
        if hasattr(node, "col_offset"):
            node.col_offset += start
        if type(node) not in _WALKER.nodes and isinstance(node, ast.expr):
            raise Mistake(_describe(node), node.col_offset)
    return tree


def _describe(node: ast.expr) -> str:
    if not isinstance(node, ast.Tuple):
        return "This is more than an expression may have."
    if not node.elts:
        return "Something is missing between these parentheses."
    return "A ',' stands only between what a function is given."


def _nodes_within(tree: ast.AST, start: int) -> list[ast.AST]:
    """Return all nodes, refusing a tree that is too deep to be walked."""
    found, level = [tree], [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return found
        found += level
    where = min((n.col_offset for n in level if isinstance(n, ast.expr)), default=0)
    raise Mistake(_TOO_DEEP, where + start)


def _syntax_mistake(error: SyntaxError, start: int, tokens: list[Token]) -> Mistake:
    end = tokens[-1].end
    position = start + max((error.offset or 1) - 1, 0)
    if "never closed" in error.msg:
        return Mistake("This parenthesis is never closed.", position)
    if "unmatched" in error.msg:
        return Mistake("This parenthesis was never opened.", position)
    if tokens[-1].sort is Sort.OPERATOR or position >= end:
        return Mistake("Something is missing after this.", end)
    return Mistake("This does not continue the expression.", position)


class _Marked(ast.NodeTransformer):
    """Puts the reference itself in the place of the identifier that stood for it."""

    def __init__(self, references: dict[int, Reference]) -> None:
        self._references = references

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Replace a name that is no function's."""
        reference: Any = self._references.get(node.col_offset)
        if reference is None:
            return node
        return ast.copy_location(ast.Constant(value=reference), node)


def _walk(node: ast.AST) -> Reader:
    read: Reader = _WALKER.eval("", node)
    return read


def _constant(node: ast.Constant) -> Reader:
    found: Any = node.value
    if isinstance(found, Reference):
        return found.read
    return lambda _: found


def _name(node: ast.Name) -> Reader:
    """Refuse a name by itself: those of values are marked, `_call` reads functions'."""
    raise Mistake("This is more than an expression may have.", node.col_offset)


def _unary(node: ast.UnaryOp) -> Reader:
    operand = _walk(node.operand)
    if isinstance(node.op, ast.Not):
        return lambda arrival: not operand(arrival)
    return _guarded(_operator(node.op, node), operand)


def _binary(node: ast.BinOp) -> Reader:
    return _guarded(_operator(node.op, node), _walk(node.left), _walk(node.right))


def _boolean(node: ast.BoolOp) -> Reader:
    parts = [_walk(part) for part in node.values]
    if isinstance(node.op, ast.And):
        return lambda arrival: all(part(arrival) for part in parts)
    return lambda arrival: any(part(arrival) for part in parts)


def _comparison(node: ast.Compare) -> Reader:
    first = _walk(node.left)
    rest = [
        (_operator(op, node), _walk(right))
        for op, right in zip(node.ops, node.comparators, strict=True)
    ]

    def run(arrival: Arrival) -> bool:
        left = first(arrival)
        for is_so, read in rest:
            if left is None:
                return False
            right = read(arrival)
            if right is None or not is_so(left, right):
                return False
            left = right
        return True

    return run


def _call(node: ast.Call) -> Reader:
    if not isinstance(node.func, ast.Name):
        raise Mistake("Only a function can be called.", node.col_offset)
    if node.keywords:
        raise Mistake("A function is given numbers, without names.", node.col_offset)
    name, count = node.func.id, len(node.args)
    if count < 2 if name in MANY else count != 1:  # noqa: PLR2004 - two or more
        takes = "two or more numbers" if name in MANY else "one number"
        raise Mistake(f"The function '{name}' takes {takes}.", node.col_offset)
    return _guarded(FUNCTIONS[name], *(_walk(argument) for argument in node.args))


def _guarded(compute: Callable[..., Any], *parts: Reader) -> Reader:
    """Return `compute` of the parts.

    It is None where one of them is not there, and where the result is too large.
    """

    def run(arrival: Arrival) -> Any:
        numbers: list[Any] = [part(arrival) for part in parts]
        if None in numbers:
            return None
        try:
            found = compute(*numbers)
            has_overflown = isinf(found) and all(map(isfinite, numbers))
        except _FAILURES:
            return None
        return None if has_overflown else found

    return run


def _operator(node: ast.AST, near: ast.expr) -> Callable[..., Any]:
    found = OPERATORS.get(type(node))
    if found is None:
        raise Mistake("There is no such operator here.", near.col_offset)
    return found


_WALKER.nodes = {
    ast.Expr: lambda node: _walk(node.value),
    ast.Constant: _constant,
    ast.Name: _name,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Compare: _comparison,
    ast.Call: _call,
}
