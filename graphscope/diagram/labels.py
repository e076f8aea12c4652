"""How ops and values are called on a picture: the lectures' signs, the user's names."""

import re
from collections.abc import Sequence
from typing import Final

from graphscope.model.graph import Argument, Op, OpKind, Value, ValueKind
from graphscope.model.numbers import format_number
from graphscope.model.trace import Trace

MAX_FORMULA: Final = 40
"""Characters of a formula before it is cut."""

_SHORT_NUMBER: Final = 10

SIGNS: Final = {
    "add": "+",
    "radd": "+",
    "sub": "−",
    "subtract": "−",
    "rsub": "−",
    "neg": "−(·)",
    "negative": "−(·)",
    "mul": "*",
    "multiply": "*",
    "rmul": "*",
    "div": "/",
    "rdiv": "/",
    "divide": "/",
    "truediv": "/",
    "true_divide": "/",
    "rtruediv": "/",
    "floordiv": "//",
    "rfloordiv": "//",
    "floor_divide": "//",
    "mod": "%",
    "remainder": "%",
    "matmul": "@",
    "rmatmul": "@",
    "mm": "@",
    "bmm": "@",
    "mv": "@",
    "dot": "@",
    "pow": "(·)ⁿ",
    "rpow": "**",
    "square": "(·)²",
    "reciprocal": "1/(·)",
    "sqrt": "√",
    "abs": "|·|",
    "absolute": "|·|",
    "t": "(·)ᵀ",
    "getitem": "[·]",
    "eq": "==",
    "ne": "≠",
    "lt": "<",
    "le": "≤",
    "gt": ">",
    "ge": "≥",
    "add_": "+=",
    "iadd": "+=",
    "sub_": "−=",
    "isub": "−=",
    "mul_": "*=",
    "imul": "*=",
    "div_": "/=",
    "idiv": "/=",
    "itruediv": "/=",
    "setitem": "[·] =",
    "copy_": "←",
}
"""Op name -> its sign in lecture notation; other ops go by their plain name."""

_POWERS: Final = frozenset({"pow", "pow_", "ipow", "float_power"})
_SUPERSCRIPTS: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_INFIX: Final = frozenset(
    SIGNS[name] for name in ("add", "sub", "mul", "div", "matmul")
)
_OPERATORS: Final = frozenset(" +-−*/@%<>=&|^~")
_ASSIGNMENT: Final = re.compile(r"[\w.\[\]\s:,'\"]+(//|\*\*|<<|>>|[-+*/%@&|^])?=(?!=)")
_LOSS_NAMES: Final = frozenset({"l", "loss", "L"})


def shorten(text: str, limit: int = MAX_FORMULA) -> str:
    r"""Put `text` on one line of at most `limit` characters.

    >>> shorten("model(x,\n      y)"), shorten("a + b + c", 6)
    ('model(x, y)', 'a + b…')
    """
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def exponent_of(op: Op) -> Argument | None:
    """Return the literal exponent of a power, None when there is none."""
    if op.name not in _POWERS or len(op.arguments) < 2:  # noqa: PLR2004 - base, exponent
        return None
    exponent = op.arguments[1]
    return exponent if _is_literal(exponent.text) else None


def _is_literal(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def sign_of(op: Op) -> str:
    """Return what stands on the op's box: `+`, `(·)²`, `sigmoid`."""
    exponent = exponent_of(op)
    if op.kind is OpKind.READOUT:
        return f"{plain_name(op)}()" if plain_name(op) != op.name else f".{op.name}()"
    if exponent is None:
        name = plain_name(op)
        return SIGNS.get(name, name)
    text = exponent.text.strip().replace("−", "-")
    if text.lstrip("-").isdecimal() and text.isascii():
        return f"(·){text.translate(_SUPERSCRIPTS)}"
    return f"(·)^{text}"


def name_of(value: Value) -> str:
    """Return the user's name with the version after in-place changes, or nothing."""
    if value.name is None:
        return ""
    return f"{value.name} (version {value.version})" if value.version else value.name


def title_of(trace: Trace, value: int) -> str:
    """Name a value on one short line: its name, its expression, its op."""
    found = trace.graph.values[value]
    name = name_of(found)
    if not name and found.op is not None:
        op = trace.graph.ops[found.op]
        if op.scope and not trace.has_own_expression(op):
            return shorten(f"{plain_name(op)} in {op.scope}")
    return shorten(name or trace.title_of(value))


def plain_name(op: Op) -> str:
    """Return the op's name without the underscores of a special method."""
    return op.name.strip("_") if op.name.startswith("__") else op.name


def expression_of(trace: Trace, op: Op) -> str:
    """Return the user's expression, or one made up from the op and its arguments."""
    if op.site is not None and trace.has_own_expression(op):
        return shorten(op.site.expression)
    said = (a for a in op.arguments if a.value is not None or not a.name)
    texts = [_argument_text(trace, a) for a in said]
    sign = sign_of(op)
    if sign in _INFIX and len(texts) == 2:  # noqa: PLR2004 - left and right
        return shorten(f" {sign} ".join(texts))
    return shorten(f"{plain_name(op)}({', '.join(texts)})")


def _argument_text(trace: Trace, argument: Argument) -> str:
    if argument.text or argument.value is None:
        text = argument.text
    else:
        text = title_of(trace, argument.value)
    return f"{argument.name}={text}" if argument.name else text


def formula_of(trace: Trace, op: Op) -> str:
    """Return `z = u + b` when a result has a name, else the expression alone."""
    values = [trace.graph.values[v] for v in op.outputs]
    names = [name for name in (name_of(v) for v in values) if name]
    expression = expression_of(trace, op)
    if not names or (op.kind is OpKind.UPDATE and is_assignment(expression)):
        return expression
    joint = ":" if is_assignment(expression) else " ="
    return f"{', '.join(names[:3])}{joint} {expression}"


def is_assignment(expression: str) -> bool:
    """Whether an expression already says what it assigns to.

    >>> is_assignment("w -= lr * w.grad"), is_assignment("a == f(b=1)")
    (True, False)
    """
    return _ASSIGNMENT.match(expression) is not None


def root_name(trace: Trace, roots: Sequence[int]) -> str:
    """Return what to write above the fraction bar of a gradient.

    The lectures write L for a loss; any other root goes by the user's own name.
    """
    for root in roots:
        name = trace.graph.values[root].name
        if name and name.rpartition(".")[2] not in _LOSS_NAMES:
            return name
    return "L"


def derivative(above: str, below: str) -> str:
    """Write a derivative, with brackets where an operator would bind differently.

    >>> derivative("L", "z"), derivative("3*y", "relu(a + b)")
    ('∂L/∂z', '∂(3*y)/∂relu(a + b)')
    """
    return f"∂{_factor(above)}/∂{_factor(below)}"


def _factor(text: str) -> str:
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in _OPERATORS:
            return f"({text})"
    return text


def constant_text(trace: Trace, value: Value) -> str:
    """Return the text of a Python number in the user's expression."""
    name = value.name or trace.title_of(value.id)
    try:
        return name if len(name) <= _SHORT_NUMBER else format_number(float(name))
    except ValueError:  # a variable's name
        return name


def is_constant(value: Value) -> bool:
    """Whether the value is a Python number of the user's expression."""
    return value.kind is ValueKind.CONSTANT
