"""How the findings about errors call things: calls, tensors with types, statements."""

import ast
from collections.abc import Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.wording import (
    name_value,
    one_line,
    site_of,
    where,
)
from graphscope.model.finding import PathStep
from graphscope.model.graph import Op
from graphscope.model.numbers import format_type
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_MAX_REASON: Final = 200


def name_code(site: Site | None, fallback: str) -> str:
    """Name a place in the user's code by its text, with its line."""
    if site is None:
        return fallback
    text = f"`{one_line(site.expression)}`" if site.expression else fallback
    return f"{text}{where(site)}"


def name_op(facts: Facts, trace: Trace, op: Op) -> str:
    """Name a call: as the user wrote it, or by the layer that made it."""
    if op.site is not None and trace.has_own_expression(op):
        return name_code(op.site, plain_name(op))
    if not op.scope:
        return f"`{plain_name(op)}`{where(op.site)}"
    class_name = facts.class_names.get(op.scope, "")
    known = [class_name, "" if op.site is None else op.site.short]
    about = ", ".join(text for text in known if text)
    layer = f"the layer `{op.scope}`" + (f" ({about})" if about else "")
    is_all = class_name.lower() == plain_name(op).replace("_", "")
    return layer if is_all else f"`{plain_name(op)}` in {layer}"


def name_typed(trace: Trace, value: int) -> str:
    """Name a value with its type, and where it comes from."""
    found = trace.graph.values[value]
    kind = format_type(found.dtype, found.shape)
    name = name_value(trace, value)
    place = where(site_of(trace, value))
    return f"{name}{place} is {kind}" if kind not in name else f"{name}{place}"


def write_step(trace: Trace, value: int, mark: str = "") -> PathStep:
    """Write how a value came to be, as a station of a path: `h = f(x)`."""
    found = trace.graph.values[value]
    op = None if found.op is None else trace.graph.ops[found.op]
    name = found.name or ""
    if op is not None and op.site is not None and trace.has_own_expression(op):
        text = one_line(op.site.expression)
        is_whole = not name or text == name or _is_whole(op)
        text = text if is_whole else f"{name} = {text}"
    elif op is not None:
        text = f"{plain_name(op)} in {op.scope}" if op.scope else plain_name(op)
        text = f"{name} = {text}" if name else text
    else:
        text = name or name_value(trace, value)
    return PathStep(text, site_of(trace, value), value, found.op, mark)


def _is_whole(op: Op) -> bool:
    """Whether the text of a call says already which name is changed: `h += 1`."""
    statement = parse_statement(op.site)
    is_assignment = isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign)
    return is_assignment or op.name.endswith("_")


def is_name(text: str) -> bool:
    """Whether a text is what can be assigned to: `h`, `self.h`.

    >>> is_name("self.h"), is_name("h[0]")
    (True, False)
    """
    return all(part.isidentifier() for part in text.split("."))


def is_plain(code: str) -> bool:
    """Whether a method can be called of a text without parentheses around it.

    >>> is_plain("self.x"), is_plain("torch.ones(2)"), is_plain("(a + b).pow(2)")
    (True, True, True)
    >>> is_plain("a + b"), is_plain("-f(x)"), is_plain("(a) + (b)")
    (False, False, False)
    """
    try:
        tree = ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(tree, ast.Name | ast.Attribute | ast.Call | ast.Subscript)


def parse_statement(site: Site | None) -> ast.stmt | None:
    """Parse the user's text at a site; None when it is no statement by itself."""
    if site is None or not site.expression:
        return None
    try:
        body = ast.parse(" ".join(site.expression.split())).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return body[0] if len(body) == 1 else None


def reason_of(op: Op, error: str) -> str:
    """Return what a call raised, as one sentence without its full stop."""
    text = error or op.note.removeprefix("raised ")
    first = text.strip().partition("\n")[0]
    cut = first if len(first) <= _MAX_REASON else f"{first[: _MAX_REASON - 1]}…"
    return cut.rstrip(".!")


def join_sentences(parts: Sequence[str]) -> str:
    """Put sentences behind each other; empty ones are left out."""
    return " ".join(part for part in parts if part)
