"""Why nothing in a step read a parameter: who would have, and what kept that away."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import (
    Source,
    source_of,
)
from graphscope.analysis.evidence.wording import listing, where
from graphscope.analysis.why.missing.branches import (
    Untaken,
    find_empty_loop,
    find_untaken,
)
from graphscope.analysis.why.missing.owners import (
    Owner,
    Use,
    built_at,
    find_reflection,
    find_twin,
    is_read,
    owner_of,
    uses_of,
)
from graphscope.analysis.why.missing.ran import Ran
from graphscope.model.graph import OpKind
from graphscope.model.site import Site

_CHANCE: Final = re.compile(
    r"rand|choice|drop|sample|bernoulli|multinomial|shuffle|topk|argmax|gumbel|nonzero"
    r"|unique|one_hot"
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


def why_unused(ran: Ran, name: str) -> Unused:
    """Say why nothing in a step read the parameter or variable of a name."""
    owner = owner_of(ran, name)
    if owner is None:
        return _variable(ran, name)
    if not owner.classes:
        return Unused(
            said=f"Nothing in the step read it: `{owner.class_name}` did not use it.",
            short="never used",
            remedy=f"Call it in the forward pass of `{owner.class_name}`, or leave it "
            "out.",
            unknown=(_no_source(owner),),
        )
    uses = list(uses_of(owner))
    if not uses:
        return _nobody(owner)
    return _by_uses(uses, owner.code, ran, owner)


def _no_source(owner: Owner) -> str:
    return (
        f"Cannot tell where it would be used, because the source of "
        f"`{owner.class_name}` is not in the recording."
    )


def _nobody(owner: Owner) -> Unused:
    """Describe a part that no method of the class mentions."""
    built = built_at(owner)
    _, node = owner.classes[0]
    reflected = find_reflection(owner)
    twin = find_twin(owner)
    hint = "" if twin is None else f" {twin}"
    said = (
        f"No method of `{owner.class_name}` uses `{owner.code}`{where(built)} after it "
        f"is made, so nothing in the step read it.{hint}"
    )
    forward = f"`{node.name}.forward`"
    hidden = (
        f"Cannot tell whether `{reflected}` would reach it, because that does not "
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


def _by_uses(uses: Sequence[Use], code: str, ran: Ran, owner: Owner | None) -> Unused:
    """Describe a part that is mentioned at lines which did not run, or not for it."""
    silent = [u for u in uses if not _has_function_run(u, ran)]
    if len(silent) == len(uses):
        return _not_called(uses, code)
    for use in uses:
        if use in silent:
            continue
        untaken = find_untaken(use.source, use.node, ran) or find_empty_loop(
            use.source, use.node, ran
        )
        if untaken is not None:
            return _branch(use, code, untaken)
    return _one_of_several(next(u for u in uses if u not in silent), code, ran, owner)


def _has_function_run(use: Use, ran: Ran) -> bool:
    function = use.source.function_of(use.node)
    return bool(ran.in_function(use.source, function))


def _not_called(uses: Sequence[Use], code: str) -> Unused:
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


def _branch(use: Use, code: str, untaken: Untaken) -> Unused:
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


def _one_of_several(use: Use, code: str, ran: Ran, owner: Owner | None) -> Unused:
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
        said=f"`{code}` is used{where(site)}, but only with other entries.",
        short=f"only other entries of `{code}` are used",
        remedy=f"Use all entries of `{code}`{where(site)}, or make fewer.",
        site=site,
        is_fixed=not (_is_left_to_chance(use) or _has_read_numbers(use, ran)),
    )


def _has_read_numbers(use: Use, ran: Ran) -> bool:
    """Whether the function of a use asked a tensor for numbers.

    They may have picked the others, as a router's do: `if chosen.any(): …`.
    """
    places = ran.in_function(use.source, use.source.function_of(use.node))
    return any(
        op.kind is OpKind.READOUT
        and op.site is not None
        and op.site.file == use.source.file
        and (op.site.line, op.site.column) in places
        for op in ran.trace.graph.ops
    )


def _is_left_to_chance(use: Use) -> bool:
    """Whether the function of a use draws, or picks by numbers that it read."""
    function = use.source.function_of(use.node)
    text = use.source.text_of(function)
    return _CHANCE.search(text) is not None


def _variable(ran: Ran, name: str) -> Unused:
    """Say why nothing read a variable, from the function that made it."""
    ids = ran.trace.graph.names.get(name, ())
    made = next((ran.trace.graph.values[i].site for i in ids), None)
    source = None if made is None else source_of(ran.trace.sources, made.file)
    uses = [] if source is None else list(_uses_of_variable(source, name))
    if not uses:
        return Unused(
            said=f"Nothing in the step read `{name}`{where(made)}.",
            short="never used",
            remedy=f"Use `{name}` in what leads to the loss, or leave it out.",
            site=made,
            is_fixed=source is not None,
        )
    return _by_uses(uses, name, ran, None)


def _uses_of_variable(source: Source, name: str) -> Iterator[Use]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Name) or not is_read(node, name):
            continue
        if not _is_given_away(source, node):
            yield Use(source, node)


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
