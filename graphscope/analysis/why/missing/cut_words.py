"""How the ops that cut a gradient are put into words: a name, why, and what instead.

Separate from the cuts, because a new kind of cut is some words here and no more.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.source import parse_expression
from graphscope.analysis.evidence.wording import (
    code_of,
    name_call,
    name_value,
    one_line,
    where,
)
from graphscope.model.graph import Op
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
class Words:
    """What is said of a cut.

    Attributes:
        short: What cuts, in a few words.
        why: What it does to the gradient, a part of a sentence.
        remedy: What to do instead, a sentence.
        is_whole: Whether all of the user's expression does it, not one op inside.
    """

    short: str
    why: str
    remedy: str
    is_whole: bool = False


def words_for(trace: Trace, op: Op, value: int) -> Words:
    """Describe an op that has cut the gradient of `value` by what it computes."""
    if _called(op).startswith("checkpoint"):
        return _checkpoint(op)
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


def _detach(trace: Trace, op: Op, value: int) -> Words:
    why = "detach() hands on the numbers without the history that backward follows"
    if _goes_to_numpy(trace, op):
        name = _receiver(op) or name_value(trace, value)
        remedy = f"Compute with {name}{where(op.site)} in torch instead of NumPy."
        return Words("detach()", f"{why}, and NumPy keeps none", remedy)
    return Words("detach()", why, _instead(trace, op, value))


def _goes_to_numpy(trace: Trace, op: Op) -> bool:
    graph = trace.graph
    readers = [graph.ops[r] for v in op.outputs for r in graph.consumers.get(v, ())]
    return bool(readers) and all(plain_name(r) in _TO_NUMPY for r in readers)


def _data(trace: Trace, op: Op, value: int) -> Words:
    why = ".data hands on the numbers without the history that backward follows"
    return Words(".data", why, _instead(trace, op, value))


def _copy(trace: Trace, op: Op, value: int) -> Words:
    why = "it copies the numbers into a new tensor, which has no history"
    if len(op.inputs) > 1:
        listed = _argument(op) or "[…]"
        remedy = f"Write `torch.stack({listed})`{where(op.site)}, which keeps it."
        return Words("torch.tensor()", why, remedy)
    return Words("torch.tensor()", why, _instead(trace, op, value))


def _readout(trace: Trace, op: Op, value: int) -> Words:
    short = op.cut if op.cut.endswith("()") else f"{plain_name(op)}()"
    what = "numbers" if short in _LISTS else "a number"
    why = f"{short} takes {what} out of torch, and Python arithmetic has no gradient"
    return Words(short, why, _instead(trace, op, value))


def _whole_numbers(trace: Trace, op: Op, value: int) -> Words:
    dtype = op.cut.removesuffix(" result")
    name, code = plain_name(op), code_of(trace, value) or "x"
    place = where(op.site)
    if name in _PLACES:
        return _places(trace, op, value, dtype)
    if name in _COMPARISONS:
        why = "a comparison gives True or False, which have no derivative"
        remedy = (
            f"Use something smooth instead of the comparison{place}, such as "
            f"`torch.sigmoid` of the difference."
        )
        return Words("a comparison", why, remedy)
    why = f"its result is of dtype {dtype}, and only floating numbers have gradients"
    if name in _CASTS:
        remedy = f"Keep `{code}` a floating tensor instead of casting it{place}."
        return Words(f"the cast to {dtype}", why, remedy)
    remedy = f"Use an operation that gives floating numbers{place}."
    return Words(f"a result of dtype {dtype}", why, remedy)


def words_for_places(trace: Trace, op: Op, value: int, result: int) -> Words:
    """Describe a result without a gradient of an op that has others with one.

    The places that `torch.max(x, 1)` returns beside the largest numbers.
    """
    words = _places(trace, op, value, trace.graph.values[result].dtype)
    return replace(words, short=f"the places of {words.short}")


def _places(trace: Trace, op: Op, value: int, dtype: str) -> Words:
    name, code = plain_name(op), code_of(trace, value) or "x"
    return Words(
        name,
        f"{name} gives places, whole numbers ({dtype}), which have no derivative",
        f"Compute the loss from the scores `{code}` themselves, or weight by "
        f"`torch.softmax({code}, dim=-1)` instead of taking one place{where(op.site)}.",
    )


def _higher_order(trace: Trace, op: Op) -> Words:
    code = code_of_call(trace, op)
    why = (
        "without `create_graph=True` the gradient that it returns is a plain number, "
        "with no history of its own"
    )
    call = f" to `{code}`" if code else ""
    remedy = f"Add `create_graph=True`{call}{where(op.site)}."
    return Words("autograd.grad without create_graph", why, remedy)


def _too_late(trace: Trace, op: Op, value: int, late: Site) -> Words:
    name = name_value(trace, value)
    setting = f"`{one_line(late.expression)}`{where(late)}"
    return Words(
        "requires_grad set too late",
        f"when it ran, {name} did not require a gradient yet; {setting} came later",
        f"Move {setting} before {name_call(trace, op)}.",
    )


def _not_differentiable(trace: Trace, op: Op) -> Words:
    name = plain_name(op)
    return Words(
        name,
        f"autograd has no derivative for what {name} computes here",
        f"Replace {name_call(trace, op)} by something that has a derivative.",
    )


_BY_CUT: Final[Mapping[str, Callable[[Trace, Op, int], Words]]] = {
    "detach()": _detach,
    ".data": _data,
    "torch.tensor()": _copy,
}


def _sample(op: Op) -> Words:
    return Words(
        "sample()",
        "sample() draws without gradients, however its parameters were computed",
        f"Call `rsample()` instead of `sample()`{where(op.site)}: it draws so that the "
        "gradient passes.",
        is_whole=True,
    )


def _checkpoint(op: Op) -> Words:
    return Words(
        "checkpoint",
        "with `use_reentrant=True` a checkpoint passes gradients only if one of its "
        "inputs requires one",
        f"Pass `use_reentrant=False` to the checkpoint{where(op.site)}.",
        is_whole=True,
    )


_LIBRARY: Final[Mapping[str, Callable[[Op], Words]]] = {
    "sample": _sample,
    "checkpoint": _checkpoint,
    "checkpoint_sequential": _checkpoint,
}


def words_of_library(op: Op) -> Words | None:
    """Describe a function of torch's that computes without gradients by itself."""
    known = _LIBRARY.get(_called(op))
    return None if known is None else known(op)


def _called(op: Op) -> str:
    """Return the name of the function that the user's expression calls."""
    tree = None if op.site is None else parse_expression(op.site.expression)
    if not isinstance(tree, ast.Call):
        return ""
    function = tree.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def code_of_call(trace: Trace, op: Op) -> str | None:
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
