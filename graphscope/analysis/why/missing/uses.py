"""Why nothing in a step read a parameter: who would have, and what kept that away."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import (
    FUNCTIONS,
    Source,
    all_sources,
    dotted,
    source_of,
)
from graphscope.analysis.evidence.wording import listing, where
from graphscope.analysis.why.missing.branches import Ran, Untaken, find_untaken
from graphscope.model.graph import Scope
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_BUILDING: Final = frozenset({"__init__", "reset_parameters", "__post_init__"})
_CHANCE: Final = re.compile(
    r"rand|choice|drop|sample|bernoulli|multinomial|shuffle|topk|argmax|gumbel|nonzero"
    r"|unique|one_hot"
)
_REFLECTION: Final = frozenset(
    {"children", "modules", "named_children", "named_modules", "_modules", "parameters"}
    | {"named_parameters", "get_submodule", "__dict__"}
)


@dataclass(frozen=True, slots=True)
class Unused:
    """Why nothing read something.

    Attributes:
        said: Complete sentences.
        short: The same in a few words.
        remedy: What to do, a sentence.
        site: The line to blame: the branch, the layer that nobody calls.
        is_fixed: Whether it has to be so in every step that runs this code.
        by_branch: Whether it was a condition that kept it away.
        unknown: What cannot be told.
    """

    said: str
    short: str
    remedy: str
    site: Site | None = None
    is_fixed: bool = False
    by_branch: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Owner:
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
        return self.scope.class_name


def why_unused(trace: Trace, name: str) -> Unused:
    """Say why nothing in a step read the parameter or variable of a name."""
    ran = Ran(trace)
    owner = _owner_of(trace, name)
    if owner is None:
        return _variable(trace, name, ran)
    if not owner.classes:
        return Unused(
            said=f"Nothing in the step called what owns it, in `{owner.class_name}`.",
            short="never used",
            remedy=f"Call it in the forward pass of `{owner.class_name}`, or leave it "
            "out.",
            unknown=(_no_source(owner),),
        )
    uses = list(_uses_of(owner))
    if not uses:
        return _nobody(owner)
    return _by_uses(uses, owner.code, ran, owner)


def _no_source(owner: _Owner) -> str:
    return (
        f"Cannot tell where it would be used, because the source of "
        f"`{owner.class_name}` is not in the recording."
    )


def exists_in_source(trace: Trace, name: str) -> bool:
    """Whether a called module's class makes an attribute for a parameter's path."""
    owner = _owner_of(trace, name)
    return owner is not None and _built_at(owner) is not None


@dataclass(frozen=True, slots=True)
class _Use:
    source: Source
    node: ast.expr


def _owner_of(trace: Trace, name: str) -> _Owner | None:
    """Return the innermost called module on the path to a parameter."""
    scopes = {s.path: s for s in trace.graph.scopes}
    if not scopes or not any(c.parent is None for c in trace.graph.calls):
        return None
    parts = name.split(".")
    for count in range(len(parts) - 1, -1, -1):
        scope = scopes.get(".".join(parts[:count]))
        if scope is not None:
            classes = list(_classes(trace, scope.class_name))
            rest = ".".join(parts[count + 1 :])
            return _Owner(scope, parts[count], rest, classes)
    return None


def _classes(trace: Trace, name: str) -> Iterator[tuple[Source, ast.ClassDef]]:
    """Yield the classes of a name, and those that they are derived from."""
    known = [
        (source, node)
        for source in all_sources(trace.sources)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    ]
    wanted, seen = [name], set[str]()
    while wanted:
        current = wanted.pop()
        if current in seen:
            continue
        seen.add(current)
        for source, node in known:
            if node.name == current:
                yield source, node
                names = (dotted(base) for base in node.bases)
                wanted += [n.rpartition(".")[2] for n in names if n is not None]


def _uses_of(owner: _Owner) -> Iterator[_Use]:
    """Yield where the methods of a class mention an attribute of theirs."""
    for source, node in owner.classes:
        for method in node.body:
            if isinstance(method, FUNCTIONS) and method.name not in _BUILDING:
                for inner in ast.walk(method):
                    if _is_read(inner, owner.code):
                        yield _Use(source, inner)  # type: ignore[arg-type]


def _is_read(node: ast.AST, code: str) -> bool:
    is_load = isinstance(getattr(node, "ctx", None), ast.Load)
    return is_load and dotted(node) == code


def _nobody(owner: _Owner) -> Unused:
    """Describe a part that no method of the class mentions."""
    built = _built_at(owner)
    _, node = owner.classes[0]
    reflected = sorted(
        n.attr
        for _, cls in owner.classes
        for n in ast.walk(cls)
        if isinstance(n, ast.Attribute) and n.attr in _REFLECTION
    )
    twin = _twin(owner)
    hint = "" if twin is None else f" {twin}"
    said = (
        f"No method of `{owner.class_name}` uses `{owner.code}`{where(built)} after it "
        f"is made, so nothing in the step read it.{hint}"
    )
    forward = f"`{node.name}.forward`"
    hidden = (
        f"Cannot tell whether `{reflected[0]}` would reach it, because that does not "
        "name it."
        if reflected
        else ""
    )
    return Unused(
        said=said,
        short=f"`{owner.code}` is never called",
        remedy=f"Call `{owner.code}` in {forward}, or leave it out.",
        site=built,
        is_fixed=not reflected,
        unknown=(hidden,) if hidden else (),
    )


def _built_at(owner: _Owner) -> Site | None:
    """Return the line that makes an attribute."""
    for source, node in owner.classes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign) and any(
                dotted(target) == owner.code for target in inner.targets
            ):
                return source.site_of(inner)
    return None


def _twin(owner: _Owner) -> str | None:
    """Say that another layer is called twice in a method, which may be the mistake."""
    for source, node in owner.classes:
        for method in node.body:
            if isinstance(method, FUNCTIONS) and method.name not in _BUILDING:
                found = _called_twice(source, method, owner)
                if found is not None:
                    return found
    return None


def _called_twice(source: Source, method: ast.AST, owner: _Owner) -> str | None:
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


def _by_uses(uses: Sequence[_Use], code: str, ran: Ran, owner: _Owner | None) -> Unused:
    """Describe a part that is mentioned at lines which did not run, or not for it."""
    silent = [u for u in uses if not _has_function_run(u, ran)]
    if len(silent) == len(uses):
        return _not_called(uses, code)
    for use in uses:
        if use in silent:
            continue
        untaken = find_untaken(use.source, use.node, ran)
        if untaken is not None:
            return _branch(use, code, untaken)
    return _one_of_several(next(u for u in uses if u not in silent), code, owner)


def _has_function_run(use: _Use, ran: Ran) -> bool:
    function = use.source.function_of(use.node)
    return bool(ran.in_function(use.source, function))


def _not_called(uses: Sequence[_Use], code: str) -> Unused:
    use = uses[0]
    function = use.source.name_of(use.source.function_of(use.node))
    site = use.source.site_of(use.node)
    short = ".".join(p for p in function.split(".") if p != "<locals>")
    return Unused(
        said=(
            f"`{code}` is used only in `{short}`{where(site)}, and that function ran "
            "no op in the step."
        ),
        short=f"`{short}` was not called",
        remedy=f"Call `{short}`, or use `{code}` in what is called.",
        site=site,
        by_branch=True,
    )


def _branch(use: _Use, code: str, untaken: Untaken) -> Unused:
    site = use.source.site_of(use.node)
    doubt = (
        "Cannot tell whether it was that alone or also this, because neither ran an "
        f"op: {listing(list(untaken.others))}."
        if untaken.others
        else ""
    )
    return Unused(
        said=f"`{code}`{where(site)} was not reached: {untaken.said}.",
        short=untaken.short,
        remedy=f"Make `{code}`{where(site)} run in every step, or leave it out.",
        site=untaken.site,
        is_fixed=untaken.is_fixed and not _is_left_to_chance(use),
        by_branch=True,
        unknown=(doubt,) if doubt else (),
    )


def _one_of_several(use: _Use, code: str, owner: _Owner | None) -> Unused:
    """Describe an entry of a list of layers of which only others were called."""
    site = use.source.site_of(use.node)
    entry = "" if owner is None else owner.rest.partition(".")[0]
    if not entry.isdecimal():
        return Unused(
            said=f"`{code}` is mentioned{where(site)}, but nothing read its numbers.",
            short="never used",
            remedy=f"Use `{code}` in what leads to the loss, or leave it out.",
            site=site,
            unknown=("Cannot tell what became of it there, because no op read it.",),
        )
    return Unused(
        said=f"`{code}` is used{where(site)}, but its entry {entry} never.",
        short=f"entry {entry} of `{code}` is never used",
        remedy=f"Use all entries of `{code}`{where(site)}, or make fewer.",
        site=site,
        is_fixed=not _is_left_to_chance(use),
    )


def _is_left_to_chance(use: _Use) -> bool:
    """Whether the function of a use draws, or picks by numbers that it read."""
    function = use.source.function_of(use.node)
    text = use.source.text_of(function)
    return _CHANCE.search(text) is not None


def _variable(trace: Trace, name: str, ran: Ran) -> Unused:
    """Say why nothing read a variable, from the function that made it."""
    ids = trace.graph.names.get(name, ())
    made = next((trace.graph.values[i].site for i in ids), None)
    source = None if made is None else source_of(trace.sources, made.file)
    uses = [] if source is None else list(_uses_of_variable(source, name))
    if not uses:
        return Unused(
            said=f"Nothing in the step read `{name}`{where(made)}.",
            short="never used",
            remedy=f"Use `{name}` in what leads to the loss, or leave it out.",
            site=made,
        )
    return _by_uses(uses, name, ran, None)


def _uses_of_variable(source: Source, name: str) -> Iterator[_Use]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Name) or not _is_read(node, name):
            continue
        if not _is_given_away(source, node):
            yield _Use(source, node)


def _is_given_away(source: Source, node: ast.AST) -> bool:
    """Whether a variable is only listed for an optimizer, or asked for its gradient."""
    for outer in source.above(node):
        if isinstance(outer, ast.Attribute):
            return outer.attr in ("grad", "requires_grad", "shape", "requires_grad_")
        if isinstance(outer, ast.Call):
            return "optim" in source.text_of(outer.func).lower() or bool(
                re.search(r"\b(?:SGD|Adam\w*|RMSprop|print)\b", source.text_of(outer))
            )
        if isinstance(outer, ast.stmt):
            return isinstance(outer, ast.Assign) and isinstance(
                outer.value, ast.List | ast.Tuple | ast.Dict
            )
    return False
