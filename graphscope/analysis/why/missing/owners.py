"""Which module would have used a parameter, and where its class mentions it."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import (
    FUNCTIONS,
    Source,
    dotted,
)
from graphscope.analysis.evidence.wording import listing
from graphscope.analysis.why.missing.ran import Ran
from graphscope.model.graph import Scope
from graphscope.model.site import Site

_BUILDING: Final = frozenset({"__init__", "reset_parameters", "__post_init__"})
_REFLECTION: Final = frozenset(
    {"children", "modules", "named_children", "named_modules", "_modules", "parameters"}
    | {"named_parameters", "get_submodule", "__dict__"}
)


@dataclass(frozen=True, slots=True)
class Owner:
    """The called module that has a part which was not used.

    Attributes:
        scope: It.
        attribute: Its attribute: `fc2` of `fc2.weight`.
        rest: What is behind that: `0.weight`.
        classes: Its class and what that is derived from, where the source is there.
    """

    scope: Scope
    attribute: str
    rest: str
    classes: Sequence[tuple[Source, ast.ClassDef]]

    @property
    def code(self) -> str:
        """How its class writes the attribute."""
        return f"self.{self.attribute}"

    @property
    def class_name(self) -> str:
        """The class of the module."""
        return self.scope.class_name


def exists_in_source(ran: Ran, name: str) -> bool:
    """Whether a called module's class makes an attribute for a parameter's path."""
    owner = owner_of(ran, name)
    return owner is not None and built_at(owner) is not None


@dataclass(frozen=True, slots=True)
class Use:
    """A place that mentions what was not used.

    Attributes:
        source: The file.
        node: The expression.
    """

    source: Source
    node: ast.expr


def owner_of(ran: Ran, name: str) -> Owner | None:
    """Return the innermost called module on the path to a parameter."""
    scopes = {s.path: s for s in ran.trace.graph.scopes}
    if not scopes or not any(c.parent is None for c in ran.trace.graph.calls):
        return None
    parts = name.split(".")
    for count in range(len(parts) - 1, -1, -1):
        scope = scopes.get(".".join(parts[:count]))
        if scope is not None:
            classes = ran.classes(scope.class_name)
            rest = ".".join(parts[count + 1 :])
            return Owner(scope, parts[count], rest, classes)
    return None


def uses_of(owner: Owner) -> Iterator[Use]:
    """Yield where the methods of a class mention an attribute of theirs."""
    for source, node in owner.classes:
        for method in node.body:
            if isinstance(method, FUNCTIONS) and method.name not in _BUILDING:
                for inner in ast.walk(method):
                    if is_read(inner, owner.code):
                        yield Use(source, inner)  # type: ignore[arg-type]


def is_read(node: ast.AST, code: str) -> bool:
    """Whether a node reads what is written so."""
    is_load = isinstance(getattr(node, "ctx", None), ast.Load)
    return is_load and dotted(node) == code


def find_reflection(owner: Owner) -> str | None:
    """Return what a class calls to go through its parts without naming them."""
    found = sorted(
        node.attr
        for _, cls in owner.classes
        for node in ast.walk(cls)
        if isinstance(node, ast.Attribute) and node.attr in _REFLECTION
    )
    return found[0] if found else None


def built_at(owner: Owner) -> Site | None:
    """Return the line that makes an attribute."""
    for source, node in owner.classes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign) and any(
                dotted(target) == owner.code for target in inner.targets
            ):
                return source.site_of(inner)
    return None


def find_twin(owner: Owner) -> str | None:
    """Say that another layer is called twice in a method, which may be the mistake."""
    for source, node in owner.classes:
        for method in node.body:
            if isinstance(method, FUNCTIONS) and method.name not in _BUILDING:
                found = _called_twice(source, method, owner)
                if found is not None:
                    return found
    return None


def _called_twice(source: Source, method: ast.AST, owner: Owner) -> str | None:
    stem = owner.attribute.rstrip("0123456789_")
    calls: dict[str, list[str]] = {}
    for inner in ast.walk(method):
        name = dotted(inner.func) if isinstance(inner, ast.Call) else None
        if name is not None and isinstance(inner, ast.Call):
            calls.setdefault(name, []).append(source.site_of(inner).short)
    for name, places in calls.items():
        is_alike = name.removeprefix("self.").rstrip("0123456789_") == stem
        if name.startswith("self.") and is_alike and len(places) > 1:
            return f"`{name}` is called more than once: {listing(places)}."
    return None
