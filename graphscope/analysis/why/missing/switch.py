"""Which line switched gradients off for an op: a `with`, a decorator, a call.

Separate from the cuts, because the recording only says that they were off: the line is
found in the source, from the op outwards through the calls that led to it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import (
    FUNCTIONS,
    Source,
    all_sources,
    source_of,
)
from graphscope.model.graph import Op
from graphscope.model.site import Frame, Site
from graphscope.model.trace import Trace

_OFF: Final = re.compile(
    r"\b(?:no_grad|inference_mode)\b(?!\s*\(\s*(?:mode\s*=\s*)?False)"
    r"|\bset_grad_enabled\((?:mode\s*=\s*)?False\)"
)
_MAYBE_OFF: Final = re.compile(r"\bset_grad_enabled\((?!\s*(?:mode\s*=\s*)?True\s*\))")


@dataclass(frozen=True, slots=True)
class Switch:
    """What switched gradients off.

    Attributes:
        text: Its code: `with torch.no_grad():`.
        site: Its line.
        is_call: Whether it is a call that holds until the next, and no block.
        is_decorator: Whether it is about a whole function.
    """

    text: str
    site: Site
    is_call: bool = False
    is_decorator: bool = False


def find_switch(trace: Trace, op: Op) -> Switch | None:
    """Return what switched gradients off when an op ran, None when it is not seen."""
    if op.site is None:
        return None
    here = Frame(op.site.file, op.site.line, op.site.function)
    for frame in (here, *op.site.stack):
        found = _around(trace, frame)
        if found is not None:
            return found
    calls = [s for source in all_sources(trace.sources) for s in _calls(source)]
    return calls[0] if len(calls) == 1 else None


def _around(trace: Trace, frame: Frame) -> Switch | None:
    """Look for a block around a line of a function, and at its decorators."""
    source = source_of(trace.sources, frame.file)
    function = (
        None if source is None else source.function_at(frame.function, frame.line)
    )
    if source is None or function is None:
        return None
    blocks = [b for b in _blocks(source, function) if _has_in_body(b, frame.line)]
    for block in reversed(blocks):
        if any(_is_off(source.text_of(i.context_expr)) for i in block.items):
            return Switch(
                source.head_of(block.lineno),
                source.site_of_line(block.lineno, function),
            )
    return _decorator(source, function)


def _blocks(source: Source, function: ast.AST) -> Iterator[ast.With | ast.AsyncWith]:
    for node in ast.walk(function):
        if not isinstance(node, ast.With | ast.AsyncWith):
            continue
        if source.function_of(node) is function:
            yield node


def _has_in_body(block: ast.With | ast.AsyncWith, line: int) -> bool:
    return block.body[0].lineno <= line <= (block.end_lineno or block.lineno)


def _decorator(source: Source, function: ast.AST) -> Switch | None:
    """Return the decorator of a function that switches gradients off."""
    decorators = function.decorator_list if isinstance(function, FUNCTIONS) else []
    for decorator in decorators:
        if _is_off(source.text_of(decorator)):
            line = decorator.lineno
            site = source.site_of_line(line, function)
            return Switch(source.head_of(line), site, is_decorator=True)
    return None


def _calls(source: Source) -> Iterator[Switch]:
    """Yield the statements that switch gradients off until further notice."""
    if not source.mentions("set_grad_enabled"):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        text = source.text_of(node.value)
        if _MAYBE_OFF.search(text):
            yield Switch(text, source.site_of(node), is_call=True)


def _is_off(text: str) -> bool:
    return _OFF.search(text) is not None or _MAYBE_OFF.search(text) is not None
