"""What can be computed: operators and functions on numbers that may not be there."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any, Final

from simpleeval import DEFAULT_OPERATORS  # type: ignore[import-untyped]

OPERATORS: Final[dict[type[ast.AST], Callable[..., Any]]] = {
    kind: DEFAULT_OPERATORS[kind]
    for kind in (
        *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
        *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.USub, ast.UAdd),
    )
} | {
    ast.Add: operator.add,  # simpleeval's also look for texts, of which there are none
    ast.Mult: operator.mul,
    ast.Pow: math.pow,  # in floats: no power of whole numbers can grow for minutes
}
"""By the node of Python's syntax tree."""

FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "log": math.log,
    "log10": math.log10,
    "exp": math.exp,
}

MANY: Final = frozenset({"min", "max"})
"""Functions of two or more numbers; all others take one."""
