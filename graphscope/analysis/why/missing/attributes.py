"""Where the `.grad` of a result is read that an attribute was set to: `self.maps = x`.

Torch sees neither the assignment nor the read. They are taken from the source, and only
where it leaves one way to read it: one line sets the attribute, of the function that
made the result, behind it and before its name means another tensor.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from graphscope.analysis.evidence.source import Source, dotted, source_of
from graphscope.model.graph import Value
from graphscope.model.site import Site
from graphscope.model.trace import Trace


@dataclass(frozen=True, slots=True)
class Read:
    """A `.grad` that is read through an attribute.

    Attributes:
        code: What it is read of: `model.maps`.
        site: The line that reads.
        set_at: The line that set the attribute.
        text: That line.
    """

    code: str
    site: Site
    set_at: Site
    text: str


def read_through_attribute(trace: Trace, value: Value) -> Read | None:
    """Return where the `.grad` of what an attribute was set to is read."""
    source = None if value.site is None else source_of(trace.sources, value.site.file)
    if source is None or value.site is None or value.name is None:
        return None
    for node, attribute in _set_to(source, value):
        if not _is_latest(trace, value, node.lineno):
            continue
        read = _grad_of(source, attribute)
        if read is not None and not _is_ambiguous(source, attribute, node):
            owner = dotted(read.value)
            text = source.text_of(node)
            place = source.site_of(node)
            return Read(owner or attribute, source.site_of(read), place, text)
    return None


def _set_to(source: Source, value: Value) -> Iterator[tuple[ast.Assign, str]]:
    """Yield the assignments of a result's name to attributes, with their names."""
    function = None if value.site is None else source.enclosing(value.site)
    for node, name, attribute in _all_set(source):
        if name == value.name and source.function_of(node) is function:
            yield node, attribute


@lru_cache(maxsize=16)
def _all_set(source: Source) -> tuple[tuple[ast.Assign, str, str], ...]:
    """Return all assignments of a name to an attribute whose `.grad` is read."""
    found = []
    for node in ast.walk(source.tree):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(attr=attribute)], value=ast.Name(id=name)
            ) if _grad_of(source, attribute) is not None:
                found.append((node, name, attribute))
    return tuple(found)


def _is_latest(trace: Trace, value: Value, line: int) -> bool:
    """Whether a name means this value at a line of the function that made it."""
    if value.site is None or value.site.line > line:
        return False
    same = (trace.graph.values[v] for v in trace.graph.names.get(value.name or "", ()))
    return not any(
        other.site is not None
        and other.id != value.id
        and (other.site.file, other.site.function)
        == (value.site.file, value.site.function)
        and value.site.line < other.site.line <= line
        for other in same
    )


def _grad_of(source: Source, attribute: str) -> ast.Attribute | None:
    """Return the first read of the `.grad` of an attribute."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(
                value=ast.Attribute(attr=found), attr="grad", ctx=ast.Load()
            ) if found == attribute and dotted(node.value) is not None:
                return node
    return None


def _is_ambiguous(source: Source, attribute: str, known: ast.Assign) -> bool:
    """Whether something else is set to the attribute, or its gradient is kept."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr=found), attr="retain_grad")
            ) if found == attribute:
                return True
            case ast.Assign(targets=targets, value=value) if node is not known:
                names = {t.attr for t in targets if isinstance(t, ast.Attribute)}
                if attribute in names and not isinstance(value, ast.Constant):
                    return True
    return False
