"""The text of an argument as the Python value that it was, where that can be told.

A recording shows an argument as the user wrote it (`dim=1`, but also `dim=d`) or as a
literal. Only what needs no variable is read; nothing is ever executed.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import e, inf, nan, pi
from typing import Any, Final

_MAX_LENGTH: Final = 400
_MAX_POWER: Final = 64
_NAMES: Final[Mapping[str, object]] = {
    "NoneType": None,
    "ellipsis": Ellipsis,
    "inf": inf,
    "nan": nan,
}
_NUMBERS: Final = {"pi": pi, "inf": inf, "nan": nan, "e": e}
_MODULES: Final = frozenset({"math", "np", "numpy", "torch"})
_OPERATIONS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True, slots=True)
class Unknown:
    """An argument that is no literal: a variable, or a text that was cut short."""

    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """Something of torch's by its name, such as a dtype: `torch.float64`."""

    name: str


class _NotLiteralError(Exception):
    """The expression needs more than its own text."""


def read_literal(text: str) -> object:
    """Return what `text` says, or `Unknown`.

    >>> read_literal("-1"), read_literal("(0, 1)"), read_literal("1 / 4")
    (-1, (0, 1), 0.25)
    >>> read_literal("[slice(None, 2, None), ellipsis]")
    [slice(None, 2, None), Ellipsis]
    >>> read_literal("x.shape[0]")
    Unknown(text='x.shape[0]')
    """
    return _read(text, lambda tree: tree)


def read_index(text: str) -> object:
    """Return the index that the source text between square brackets says.

    >>> read_index(":, 1")
    (slice(None, None, None), 1)
    >>> read_index("i")
    Unknown(text='i')
    """
    return _read(f"_[{text}]", _index_of, shown=text)


def read_subscript(expression: str) -> object:
    """Return the index of the subscript that an expression, or an assignment to it, is.

    >>> read_subscript("h[:, -1]"), read_subscript("h[0] = y")
    ((slice(None, None, None), -1), 0)
    """
    return _read(expression, _index_of)


def _index_of(tree: ast.expr) -> ast.expr:
    if not isinstance(tree, ast.Subscript):
        raise _NotLiteralError
    return tree.slice


def _read(
    text: str, part: Callable[[ast.expr], ast.expr], *, shown: str | None = None
) -> object:
    unknown = Unknown(text if shown is None else shown)
    if len(text) > _MAX_LENGTH:
        return unknown
    try:
        return _value(part(_expression(text.strip())))
    except (_NotLiteralError, SyntaxError, ValueError, ArithmeticError, TypeError):
        return unknown
    except (RecursionError, MemoryError):  # a stranger's recording may nest anything
        return unknown


def _expression(text: str) -> ast.expr:
    statements = ast.parse(text).body
    match statements:
        case [ast.Expr(value=found)]:
            return found
        case [ast.Assign(targets=[found])] | [ast.AugAssign(target=found)]:
            return found
    raise _NotLiteralError


def _value(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=found):
            return found
        case ast.Tuple(elts=items):
            return tuple(_element(item) for item in items)
        case ast.List(elts=items):
            return [_element(item) for item in items]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_number(inner)
        case ast.BinOp():
            return _combined(node)
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*map(_bound, (lower, upper, step)))
        case ast.Call():
            return _called(node)
        case _:
            return _named(node)


def _bound(node: ast.expr | None) -> object:
    return None if node is None else _value(node)


def _element(node: ast.expr) -> object:
    """Read an item of a sequence: one that cannot be read spoils only itself."""
    try:
        return _value(node)
    except _NotLiteralError:
        return Unknown(ast.unparse(node))


def _number(node: ast.expr) -> Any:
    found = _value(node)
    if not isinstance(found, int | float | complex):
        raise _NotLiteralError
    return found


def _combined(node: ast.BinOp) -> object:
    left, right = _number(node.left), _number(node.right)
    if isinstance(node.op, ast.Pow) and abs(left) < _MAX_POWER > abs(right):
        return left**right
    operation = _OPERATIONS.get(type(node.op))
    if operation is None:
        raise _NotLiteralError
    return operation(left, right)


def _called(node: ast.Call) -> object:
    """Read `slice(None, 2, None)`, `range(3)` and `float("inf")`."""
    arguments = [_value(argument) for argument in node.args]
    match node.func:
        case ast.Name(id="range") if len(arguments) == 1:
            return list(range(min(int(str(arguments[0])), _MAX_LENGTH)))
        case ast.Name(id="slice") if arguments and not node.keywords:
            return slice(*arguments)
        case ast.Name(id="float") if len(arguments) == 1:
            return float(str(arguments[0]))
    raise _NotLiteralError


def _named(node: ast.expr) -> object:
    match node:
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
            return _NUMBERS.get(name, Named(name))
    raise _NotLiteralError
