"""How a finding calls things: the user's names, places and expressions."""

import ast
from collections.abc import Sequence
from math import inf, nan
from typing import Final

from graphscope.analysis.evidence.facts import Facts, Loss, plain_name
from graphscope.model.graph import Op, ValueKind
from graphscope.model.numbers import format_number, format_type
from graphscope.model.observation import Observation, Stats
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_MAX_TEXT: Final = 60
_LISTED: Final = 4
_PAIR: Final = 2


def where(site: Site | None) -> str:
    """Write a place behind the name of a thing: ` (train.py:12)`, or nothing."""
    return "" if site is None else f" ({site.short})"


def site_of(trace: Trace, value: int) -> Site | None:
    """Return where a value was computed, or first used.

    A parameter is used where an op reads it: that `zero_grad()` was the first to touch
    it says nothing about it.
    """
    graph = trace.graph
    found = graph.values[value]
    op = None if found.op is None else graph.ops[found.op]
    if op is None and found.kind is ValueKind.PARAMETER:
        op = next(
            (graph.ops[reader] for reader in graph.consumers.get(value, ())), None
        )
    return op.site if op is not None and op.site is not None else found.site


def name_value(trace: Trace, value: int) -> str:
    """Name a value: by its name, its expression, or the op that made it."""
    found = trace.graph.values[value]
    op = None if found.op is None else trace.graph.ops[found.op]
    if found.name:
        return f"`{found.name}`"
    if op is None:
        return f"the {found.kind.value} {format_type(found.dtype, found.shape)}"
    if op.site is not None and trace.has_own_expression(op):
        return f"`{one_line(op.site.expression)}`"
    inside = f" in `{op.scope}`" if op.scope else ""
    return f"the result of {plain_name(op)}{inside}"


def code_of(trace: Trace, value: int) -> str | None:
    """Return the text with which the user's code means a value, None without one.

    A text that was cut is no code.
    """
    name = name_value(trace, value)
    is_code = name.startswith("`") and not name.endswith("…`")
    return name.strip("`") if is_code else None


def begin(text: str) -> str:
    """Let a sentence begin with a name: `the result of linear` with a capital.

    >>> begin("the result of linear"), begin("`z`")
    ('The result of linear', '`z`')
    """
    return text[:1].upper() + text[1:]


def name_and_place(trace: Trace, value: int) -> str:
    """Name a value with the line that made it."""
    return name_value(trace, value) + where(site_of(trace, value))


def name_call(trace: Trace, op: Op) -> str:
    """Name a call as the user wrote it, with its line."""
    if op.site is not None and trace.has_own_expression(op):
        return f"`{one_line(op.site.expression)}`{where(op.site)}"
    return f"{plain_name(op)}{where(op.site)}"


def name_step_to_drop(facts: Facts, trace: Trace, op: Op, classes: set[str]) -> str:
    """Name what has to go: the layer whose class is in `classes`, or the call."""
    class_name = facts.class_names.get(op.scope, "")
    if op.scope and class_name in classes:
        return f"the layer `{op.scope}` ({class_name})"
    return name_call(trace, op)


def one_line(text: str) -> str:
    """Put an expression on one line, cut when it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1].rstrip()}…"


def listing(names: Sequence[str]) -> str:
    """Join names to a part of a sentence.

    >>> listing(["`w`"]), listing(["`w`", "`b`", "`c`"])
    ('`w`', '`w`, `b` and `c`')
    >>> listing(["1", "2", "3", "4", "5", "6"])
    '1, 2, 3, 4 and 2 more'
    """
    shown = list(names)
    if len(shown) > _LISTED + 1:
        shown = [*shown[:_LISTED], f"{len(names) - _LISTED} more"]
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def count(number: int, noun: str) -> str:
    """Write how many of something there are.

    >>> count(1, "number"), count(1200, "number")
    ('1 number', '1,200 numbers')
    """
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def amount(number: float) -> str:
    """Write a number in a sentence, with the sign for minus."""
    return format_number(float(number))


def norm_of(seen: Observation | None) -> str:
    """Write the size of a gradient: the number itself, or its norm."""
    if seen is None:
        return "none"
    if seen.scalar is not None and not isinstance(seen.scalar, complex):
        return amount(seen.scalar)
    return (
        "unknown"
        if seen.stats is None
        else f"of norm {amount(norm_with_all(seen.stats))}"
    )


def norm_with_all(stats: Stats) -> float:
    """Return the norm with the numbers that are not finite, which `l2` leaves out.

    >>> norm_with_all(Stats(2, 3.0, 3.0, 3.0, 0.0, 3.0, 0, 0, 1))
    inf
    """
    if stats.nans:
        return nan
    return inf if stats.infs else stats.l2


def call_with(trace: Trace, loss: Loss, first: str, second: str) -> str:
    """Write the call of a loss with other arguments, as the user writes it."""
    return f"`{_callee(trace, loss.op)}({first}, {second})`"


def argument_texts(trace: Trace, loss: Loss) -> tuple[str, str]:
    """Return how the user writes the two arguments of a loss."""
    call = _parse_call(trace, loss.op)
    if call is not None and len(call.args) == _PAIR:
        first, second = (ast.unparse(argument) for argument in call.args)
        return first, second
    names = code_of(trace, loss.input), code_of(trace, loss.target)
    return names[0] or "input", names[1] or "target"


def _callee(trace: Trace, op: Op) -> str:
    call = _parse_call(trace, op)
    return plain_name(op) if call is None else ast.unparse(call.func)


def _parse_call(trace: Trace, op: Op) -> ast.Call | None:
    """Parse the user's expression of an op; None when it is no plain call."""
    if op.site is None or not trace.has_own_expression(op):
        return None
    try:
        tree = ast.parse(" ".join(op.site.expression.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    is_plain = isinstance(tree, ast.Call) and not any(
        isinstance(argument, ast.Starred) for argument in tree.args
    )
    return tree if is_plain and isinstance(tree, ast.Call) else None
