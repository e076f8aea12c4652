"""How NaN is made of Inf: 0 · ∞, ∞ − ∞, ∞ / ∞, a softmax over nothing but −∞."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import listing, name_and_place
from graphscope.analysis.why.nonfinite.mechanism import Mechanism, as_object
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.model.graph import Role
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_SOFTMAX: Final = frozenset({"softmax", "log_softmax", "softmin"})
_DIFFERENCE: Final = "∞ − ∞ is NaN"
_PRODUCT: Final = "0 · ∞ is NaN"
_HOW: Final[Mapping[str, str]] = {
    **dict.fromkeys(_SOFTMAX, "it subtracts the largest number first: ∞ − ∞ is NaN"),
    **dict.fromkeys(("add", "sub", "rsub", "sum", "mean", "cumsum"), _DIFFERENCE),
    **dict.fromkeys(("mul", "multiply"), _PRODUCT),
    **dict.fromkeys(("div", "true_divide", "rdiv"), "∞ / ∞ is NaN"),
    **dict.fromkeys(
        ("matmul", "mm", "bmm", "mv", "linear", "einsum", "addmm", "dot", "baddbmm"),
        "0 · ∞, or ∞ − ∞ in the sum of products, is NaN",
    ),
}


def conversion(trace: Trace, slot: int) -> str:
    """Return how an op, or its grad node, makes NaN of Inf: `0 · ∞ is NaN`."""
    found = trace.graph.slots[slot]
    if found.role is Role.EDGE:
        return _PRODUCT
    op = None if found.value is None else trace.graph.values[found.value].op
    if found.role is not Role.VALUE or op is None:
        return _DIFFERENCE
    name = plain_name(trace.graph.ops[op])
    return _HOW.get(name, f"{name} of ∞ is NaN")


def explain_converted(scene: Scene) -> Mechanism:
    """Say what made NaN of an Inf that was put there on purpose."""
    values = [scene.trace.graph.slots[s].value for s in scene.birth.given]
    known = dict.fromkeys(v for v in values if v is not None)
    if scene.name in _SOFTMAX:
        return _masked(scene)
    how = conversion(scene.trace, scene.birth.slot)
    remedy = "Keep ∞ out of it, or use a large finite number in its place."
    if how == _PRODUCT and scene.birth.node is None:
        remedy = (
            "Choose instead of multiplying: `scores.masked_fill(mask, "
            'float("-inf"))`, or `torch.where`.'
        )
    places = [name_and_place(scene.trace, v) for v in known]
    whose = f", and {listing(places)} is where the ∞ comes from" if places else ""
    return Mechanism(how.removesuffix(" is NaN"), f"{how}{whose}", remedy)


def _masked(scene: Scene) -> Mechanism:
    """Say which rows of scores have nothing left to choose from."""
    rows, first = _dead_rows(scene), scene.first
    text = "the scores" if first is None else first.text
    unknown = (
        f"Cannot tell which rows of {text} these are because only statistics of "
        f"{'it' if first is not None else 'them'} were recorded."
    )
    code = as_object(first.code) if first is not None and first.code else "scores"
    return Mechanism(
        f"{scene.name} over nothing but −∞",
        f"every score in {f'row {rows[0]}' if rows else 'a row'} of {text} is −∞, so "
        f"{scene.name} divides 0 by 0",
        f"Leave at least one score in every row of `{code}`, or give the rows that "
        "have none a large negative number instead: `-1e9`.",
        (("rows of nothing but −∞", float(len(rows))),) if rows else (),
        () if rows else (unknown,),
    )


def _dead_rows(scene: Scene) -> list[str]:
    made = scene.made
    if made is None or made.data is None or not made.data.ndim:
        return []
    data: Array = made.data
    dead = np.argwhere(np.isnan(data).all(axis=-1))
    return [str([int(i) for i in place]) if place.size else "0" for place in dead]
