"""What an op that cuts the gradient is called, why it cuts, and what to do instead."""

import ast
from dataclasses import dataclass, replace
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.source import all_sources, parse_expression
from graphscope.analysis.evidence.wording import (
    name_call,
    name_value,
    one_line,
    where,
)
from graphscope.analysis.why.missing.cut_words import (
    Words,
    code_of_call,
    words_for,
    words_for_places,
    words_of_library,
)
from graphscope.analysis.why.missing.switch import Switch, find_switch
from graphscope.model.graph import Op, OpKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_WHOLE: Final = ("int", "uint", "bool")
_ANEW: Final = frozenset({"tensor", "as_tensor"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A place behind which no gradient comes back.

    Attributes:
        op: Id of the op that cuts, None where torch saw none.
        mark: What a path says of it: `cut by detach()`.
        call: The call and its line, as a sentence has it.
        why: A part of a sentence: what it does to the gradient.
        remedy: What to do instead, a sentence.
        said: Where what is behind it is, in a list: `behind `h.detach()` at a.py:3`.
        site: The line to blame: of the call, or what switched gradients off.
        switch: What switched gradients off, if that is known.
        unknown: What cannot be told of it.
    """

    op: int | None
    mark: str
    call: str
    why: str
    remedy: str
    said: str
    site: Site | None
    switch: Switch | None = None
    unknown: str = ""


def describe_copy(trace: Trace, value: int, name: str, site: Site | None) -> Cut:
    """Describe how a new tensor was made of a value's numbers, unseen by torch."""
    text = name if site is None else one_line(site.expression)
    call = f"`{text}`{where(site)}"
    at = "" if site is None else f" at {site.short}"
    return Cut(
        op=None,
        mark="made into a new tensor",
        call=call,
        why="it makes a new tensor of the numbers, which has no history",
        remedy=f"Use {name_value(trace, value)} itself instead of {call}.",
        said=f"behind `{text}`{at}",
        site=site,
    )


def with_return(trace: Trace, cut: Cut, target: int) -> Cut:
    """Say also of a tensor that was made of taken numbers that it has no history.

    To leave out `.item()` alone would not do: `torch.tensor(total / n)` cuts, too.
    """
    made = trace.graph.values[target].op
    op = None if made is None else trace.graph.ops[made]
    if op is None or op.site is None or plain_name(op) not in _ANEW:
        return cut
    tree = parse_expression(op.site.expression)
    if not isinstance(tree, ast.Call) or not tree.args:
        return cut
    name, given = plain_name(op), one_line(ast.unparse(tree.args[0]))
    if isinstance(tree.args[0], ast.List | ast.ListComp | ast.Tuple):
        change = f"`torch.stack` in place of `torch.{name}`{where(op.site)}"
    else:
        change = f"`{given}` without `torch.{name}` around it{where(op.site)}"
    return replace(cut, remedy=f"{cut.remedy.removesuffix('.')}, and {change}.")


def describe_cut(trace: Trace, op: Op, value: int, result: int) -> Cut:
    """Say how an op cuts the gradient between `value`, which it reads, and a result."""
    values = trace.graph.values
    if op.cut in ("no_grad", "inference_mode"):
        return _switched_off(trace, op)
    if op.kind is OpKind.UPDATE:
        return _rebound(trace, op, value)
    if any(values[v].requires_grad for v in op.outputs):
        if result in op.outputs and values[result].dtype.startswith(_WHOLE):
            return _cut(trace, op, words_for_places(trace, op, value, result))
        return _refused(trace, op, value)
    words = words_for(trace, op, value)
    return _cut(trace, op, words)


def _cut(trace: Trace, op: Op, words: Words) -> Cut:
    code, call = code_of_call(trace, op), name_call(trace, op)
    if words.is_whole and op.site is not None:
        code = one_line(op.site.expression)
        call = f"`{code}`{where(op.site)}"
    at = "" if op.site is None else f" at {op.site.short}"
    return Cut(
        op=op.id,
        mark=f"cut by {words.short}",
        call=call,
        why=words.why,
        remedy=words.remedy,
        said=f"behind `{code}`{at}" if code else f"behind {words.short}{at}",
        site=op.site,
    )


def _switched_off(trace: Trace, op: Op) -> Cut:
    """Describe an op that ran while gradients were switched off."""
    short = op.cut
    call, code = name_call(trace, op), code_of_call(trace, op)
    at = "" if op.site is None else f" at {op.site.short}"
    words = words_of_library(op)
    if words is not None:
        return _cut(trace, op, words)
    switch = find_switch(trace, op)
    if switch is None:
        return Cut(
            op=op.id,
            mark=f"under {short}",
            call=call,
            why=f"gradients were switched off when it ran ({short})",
            remedy=f"Let {call} run with gradients switched on.",
            said=f"under {short}{at}",
            site=op.site,
            unknown=(
                "Cannot tell which line switched gradients off, because it is not "
                "around the call in the recorded source."
            ),
        )
    text = f"`{one_line(switch.text)}`{where(switch.site)}"
    verb = "has switched" if switch.is_call else "switches"
    if switch.is_call:
        remedy = f"Call `torch.set_grad_enabled(True)` before {call}."
    elif switch.is_decorator:
        remedy = f"Leave out {text}, or train with a function that is without it."
    else:
        moved = f"`{code}`" if code else f"the {plain_name(op)}"
        remedy = f"Move {moved}{where(op.site)} out of {text}."
    return Cut(
        op=op.id,
        mark=f"under {short}",
        call=call,
        why=f"{text} {verb} gradients off for it",
        remedy=remedy,
        said=f"under `{one_line(switch.text)}` at {switch.site.short}",
        site=switch.site,
        switch=switch,
    )


def _rebound(trace: Trace, op: Op, value: int) -> Cut:
    """Describe `w = w - lr * w.grad` under no_grad: a new tensor, and not a leaf."""
    call, name = name_call(trace, op), name_value(trace, value)
    at = "" if op.site is None else f" at {op.site.short}"
    return Cut(
        op=op.id,
        mark="replaced under no_grad",
        call=call,
        why=(
            f"under no_grad it made a new tensor, which does not require a gradient, "
            f"and {name} means that one from then on"
        ),
        remedy=f"Change {name} in place{where(op.site)}, with `-=` or `+=`.",
        said=f"replaced under no_grad{at}",
        site=op.site,
    )


def _refused(trace: Trace, op: Op, value: int) -> Cut:
    """Describe a Function of the user's whose backward returned None."""
    place = op.inputs.index(value) + 1
    written = _returned_at(trace, op.name)
    code = code_of_call(trace, op)
    at = written or op.site
    text = f"`{op.name}.backward`{where(written)}"
    why = f"{text} returned None for {name_value(trace, value)}, its input {place}"
    return Cut(
        op=op.id,
        mark=f"{op.name}.backward returned None",
        call=name_call(trace, op),
        why=why,
        remedy=f"Let {text} return the gradient of its input {place} too.",
        said=f"behind `{code or op.name}`" + ("" if at is None else f" at {at.short}"),
        site=at,
    )


def _returned_at(trace: Trace, class_name: str) -> Site | None:
    """Return the one `return` in the backward of a Function."""
    found = [
        source.site_of(node)
        for source in all_sources(trace.sources)
        if source.mentions(f"class {class_name}")
        for name, functions in source.functions.items()
        if name.endswith(f"{class_name}.backward")
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
    ]
    return found[-1] if found else None
