"""What an op that cuts the gradient is called, why it cuts, and what to do instead."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.source import all_sources, parse_expression
from graphscope.analysis.evidence.wording import (
    code_of,
    name_call,
    name_value,
    one_line,
    where,
)
from graphscope.analysis.why.missing.switch import Switch, find_switch
from graphscope.model.graph import Op, OpKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_PLACES: Final = frozenset(
    {"argmax", "argmin", "argsort", "topk", "sort", "max", "min", "multinomial"}
    | {"searchsorted", "bucketize", "nonzero", "bincount", "unique", "mode", "median"}
)
_COMPARISONS: Final[Mapping[str, str]] = {
    "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!=",
}  # fmt: skip
_CASTS: Final = frozenset(
    {"long", "int", "short", "char", "byte", "bool", "to", "type"}
)
_TO_NUMPY: Final = frozenset({"numpy", "array", "cpu"})
_LISTS: Final = frozenset({".tolist()", ".numpy()"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A place behind which no gradient comes back.

    Attributes:
        op: Id of the op that cuts.
        mark: What a path says of it: `cut by detach()`.
        call: The call and its line, as a sentence has it.
        why: A part of a sentence: what it does to the gradient.
        remedy: What to do instead, a sentence.
        said: Where what is behind it is, in a list: `behind `h.detach()` at a.py:3`.
        site: The line to blame: of the call, or what switched gradients off.
        switch: What switched gradients off, if that is known.
        unknown: What cannot be told of it.
    """

    op: int
    mark: str
    call: str
    why: str
    remedy: str
    said: str
    site: Site | None
    switch: Switch | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class _Words:
    short: str
    why: str
    remedy: str


def describe_cut(trace: Trace, op: Op, value: int) -> Cut:
    """Say how an op cuts the gradient of `value`, which it reads."""
    values = trace.graph.values
    if op.cut in ("no_grad", "inference_mode"):
        return _switched_off(trace, op)
    if op.kind is OpKind.UPDATE:
        return _rebound(trace, op, value)
    if any(values[v].requires_grad for v in op.outputs):
        return _refused(trace, op, value)
    words = _words_for(trace, op, value)
    return _cut(trace, op, words)


def _cut(trace: Trace, op: Op, words: _Words) -> Cut:
    code = _code(trace, op)
    at = "" if op.site is None else f" at {op.site.short}"
    return Cut(
        op=op.id,
        mark=f"cut by {words.short}",
        call=name_call(trace, op),
        why=words.why,
        remedy=words.remedy,
        said=f"behind `{code}`{at}" if code else f"behind {words.short}{at}",
        site=op.site,
    )


def _words_for(trace: Trace, op: Op, value: int) -> _Words:
    if op.cut in _BY_CUT:
        return _BY_CUT[op.cut](trace, op, value)
    if op.cut.endswith("()") or op.cut == "Python number":
        return _readout(trace, op, value)
    if op.cut.endswith(" result"):
        return _whole_numbers(trace, op, value)
    if plain_name(op) == "grad":
        return _higher_order(trace, op)
    late = trace.graph.values[value].set_by
    if not op.cut and late is not None:
        return _too_late(trace, op, value, late)
    return _not_differentiable(trace, op)


def _detach(trace: Trace, op: Op, value: int) -> _Words:
    why = "detach() hands on the numbers without the history that backward follows"
    if _goes_to_numpy(trace, op):
        name = _receiver(op) or name_value(trace, value)
        remedy = f"Compute with {name}{where(op.site)} in torch instead of NumPy."
        return _Words("detach()", f"{why}, and NumPy keeps none", remedy)
    return _Words("detach()", why, _instead(trace, op, value))


def _goes_to_numpy(trace: Trace, op: Op) -> bool:
    graph = trace.graph
    readers = [graph.ops[r] for v in op.outputs for r in graph.consumers.get(v, ())]
    return bool(readers) and all(plain_name(r) in _TO_NUMPY for r in readers)


def _data(trace: Trace, op: Op, value: int) -> _Words:
    why = ".data hands on the numbers without the history that backward follows"
    return _Words(".data", why, _instead(trace, op, value))


def _copy(trace: Trace, op: Op, value: int) -> _Words:
    why = "it copies the numbers into a new tensor, which has no history"
    if len(op.inputs) > 1:
        listed = _argument(op) or "[…]"
        remedy = f"Write `torch.stack({listed})`{where(op.site)}, which keeps it."
        return _Words("torch.tensor()", why, remedy)
    return _Words("torch.tensor()", why, _instead(trace, op, value))


def _readout(trace: Trace, op: Op, value: int) -> _Words:
    short = op.cut if op.cut.endswith("()") else f"{plain_name(op)}()"
    what = "numbers" if short in _LISTS else "a number"
    why = f"{short} takes {what} out of torch, and Python arithmetic has no gradient"
    return _Words(short, why, _instead(trace, op, value))


def _whole_numbers(trace: Trace, op: Op, value: int) -> _Words:
    dtype = op.cut.removesuffix(" result")
    name, code = plain_name(op), code_of(trace, value) or "x"
    place = where(op.site)
    if name in _PLACES:
        why = f"{name} gives places, whole numbers ({dtype}), which have no derivative"
        remedy = (
            f"Compute the loss from the scores `{code}` themselves, or weight by "
            f"`torch.softmax({code}, dim=-1)` instead of taking one place{place}."
        )
        return _Words(name, why, remedy)
    if name in _COMPARISONS:
        why = "a comparison gives True or False, which have no derivative"
        remedy = (
            f"Use something smooth instead of the comparison{place}, such as "
            f"`torch.sigmoid` of the difference."
        )
        return _Words("a comparison", why, remedy)
    why = f"its result is of dtype {dtype}, and only floating numbers have gradients"
    if name in _CASTS:
        remedy = f"Keep `{code}` a floating tensor instead of casting it{place}."
        return _Words(f"the cast to {dtype}", why, remedy)
    remedy = f"Use an operation that gives floating numbers{place}."
    return _Words(f"a result of dtype {dtype}", why, remedy)


def _higher_order(trace: Trace, op: Op) -> _Words:
    code = _code(trace, op)
    why = (
        "without `create_graph=True` the gradient that it returns is a plain number, "
        "with no history of its own"
    )
    call = f" to `{code}`" if code else ""
    remedy = f"Add `create_graph=True`{call}{where(op.site)}."
    return _Words("autograd.grad without create_graph", why, remedy)


def _too_late(trace: Trace, op: Op, value: int, late: Site) -> _Words:
    name = name_value(trace, value)
    setting = f"`{one_line(late.expression)}`{where(late)}"
    return _Words(
        "requires_grad set too late",
        f"when it ran, {name} did not require a gradient yet; {setting} came later",
        f"Move {setting} before {name_call(trace, op)}.",
    )


def _not_differentiable(trace: Trace, op: Op) -> _Words:
    name = plain_name(op)
    return _Words(
        name,
        f"autograd has no derivative for what {name} computes here",
        f"Replace {name_call(trace, op)} by something that has a derivative.",
    )


_BY_CUT: Final[Mapping[str, Callable[[Trace, Op, int], _Words]]] = {
    "detach()": _detach,
    ".data": _data,
    "torch.tensor()": _copy,
}


def _switched_off(trace: Trace, op: Op) -> Cut:
    """Describe an op that ran while gradients were switched off."""
    short = op.cut
    call, code = name_call(trace, op), _code(trace, op)
    at = "" if op.site is None else f" at {op.site.short}"
    known = _LIBRARY.get(_called(op))
    if known is not None:
        words = known(op)
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
    code = _code(trace, op)
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
        for name, functions in source.functions.items()
        if name.endswith(f"{class_name}.backward")
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
    ]
    return found[-1] if found else None


def _sample(op: Op) -> _Words:
    return _Words(
        "sample()",
        "sample() draws without gradients, however its parameters were computed",
        f"Call `rsample()` instead of `sample()`{where(op.site)}: it draws so that the "
        "gradient passes.",
    )


def _checkpoint(op: Op) -> _Words:
    return _Words(
        "checkpoint",
        "with `use_reentrant=True` a checkpoint passes gradients only if one of its "
        "inputs requires one",
        f"Pass `use_reentrant=False` to the checkpoint{where(op.site)}.",
    )


_LIBRARY: Final[Mapping[str, Callable[[Op], _Words]]] = {
    "sample": _sample,
    "checkpoint": _checkpoint,
    "checkpoint_sequential": _checkpoint,
}


def _called(op: Op) -> str:
    """Return the name of the function that the user's expression calls."""
    tree = None if op.site is None else parse_expression(op.site.expression)
    if not isinstance(tree, ast.Call):
        return ""
    function = tree.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _code(trace: Trace, op: Op) -> str | None:
    """Return the user's expression of a call, None inside a library."""
    is_own = op.site is not None and trace.has_own_expression(op)
    return one_line(op.site.expression) if op.site is not None and is_own else None


def _argument(op: Op) -> str | None:
    """Return the text of the only argument of a call."""
    tree = None if op.site is None else parse_expression(op.site.expression)
    if not isinstance(tree, ast.Call) or len(tree.args) != 1:
        return None
    return ast.unparse(tree.args[0])


def _instead(trace: Trace, op: Op, value: int) -> str:
    """Say to use what a call was made on, without the call."""
    call = name_call(trace, op)
    return f"Use {_receiver(op) or name_value(trace, value)} itself instead of {call}."


def _receiver(op: Op) -> str | None:
    """Return what the user's call or attribute was asked of: the h of h.detach()."""
    tree = None if op.site is None else parse_expression(op.site.expression)
    function = tree.func if isinstance(tree, ast.Call) else tree
    if isinstance(function, ast.Attribute) and plain_name(op) == function.attr:
        return f"`{one_line(ast.unparse(function.value))}`"
    return None
