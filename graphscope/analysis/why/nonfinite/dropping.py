"""Why the gradient that arrives at one number of a result is 0: who left it out.

Separate from what an infinite derivative makes of that 0, because it is a question of
what read the result, followed until something is seen to have dropped the number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import listing, name_call, where
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.model.graph import Op

_CHOOSERS: Final = frozenset({"where", "masked_fill", "masked_select", "getitem"})
_SELECTORS: Final = frozenset(
    {"max", "min", "amax", "amin", "maximum", "minimum", "topk", "kthvalue"}
    | {"median", "nanmedian", "gather", "index_select", "take", "diagonal"}
)
_MOST_STEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Dropped:
    """Who left a number out.

    Attributes:
        said: A part of a sentence.
        mask: The code of what is true where the number is taken; empty where none is.
    """

    said: str
    mask: str = ""


def find_dropped(scene: Scene, place: tuple[int, ...] | None) -> Dropped | None:
    """Return what left out the number at a place of the op's result.

    None where nothing is seen to: all that read the result have to be known.
    """
    if scene.op is None or not scene.op.outputs:
        return None
    found: list[Dropped] = []
    for reader, value in _readers(scene, scene.op.outputs[0]):
        one = _follow(scene, reader, value, place)
        if one is None:
            return None
        found.append(one)
    if not found:
        return None
    mask = next((one.mask for one in found if one.mask), "")
    return Dropped(listing(list(dict.fromkeys(one.said for one in found))), mask)


def _readers(scene: Scene, value: int) -> Iterator[tuple[Op, int]]:
    graph = scene.trace.graph
    for reader in graph.consumers.get(value, ()):
        if any(graph.values[v].requires_grad for v in graph.ops[reader].outputs):
            yield graph.ops[reader], value


def _follow(
    scene: Scene, op: Op, value: int, place: tuple[int, ...] | None
) -> Dropped | None:
    """Follow a number through what keeps its place, to what drops it."""
    for _ in range(_MOST_STEPS):
        found = _at(scene, op, value, place)
        if found is not None:
            return found
        shape = scene.trace.graph.values[value].shape
        value = op.outputs[0]
        if scene.trace.graph.values[value].shape != shape:
            return None
        readers = [*_readers(scene, value)]
        if len(readers) != 1:
            return None
        op, value = readers[0]
    return None


def _at(
    scene: Scene, op: Op, value: int, place: tuple[int, ...] | None
) -> Dropped | None:
    name = plain_name(op)
    if name in _CHOOSERS:
        if name == "where" and _takes(scene, op, value, place):
            return None
        mask = ""
        if name == "where" and op.inputs:
            mask = scene.operand_of(op.inputs[0]).code or "mask"
        said = f"`{name}`{where(op.site)} does not take the result"
        return Dropped(said, mask or "mask")
    call = name_call(scene.trace, op)
    if name in _SELECTORS:
        return Dropped(f"{call} does not select it")
    if name == "mul" and len(op.inputs) > 1:
        other = next((v for v in op.inputs if v != value), None)
        if other is None or not _is_zero_at(scene, other, op, place):
            return None
        code = scene.operand_of(other).code
        return Dropped(
            f"{call} multiplies the result by 0", f"{code} != 0" if code else "mask"
        )
    return None


def _takes(scene: Scene, op: Op, value: int, place: tuple[int, ...] | None) -> bool:
    """Whether `torch.where` takes the number at a place; False if it is not known."""
    asked = _number_at(scene, op.inputs[0], op, place)
    return asked is not None and bool(asked) is (value == op.inputs[1])


def _is_zero_at(
    scene: Scene, factor: int, op: Op, place: tuple[int, ...] | None
) -> bool:
    """Whether the other factor is 0 where the number is; False if it is not known."""
    return _number_at(scene, factor, op, place) == 0


def _number_at(
    scene: Scene, value: int, op: Op, place: tuple[int, ...] | None
) -> complex | None:
    """Return the number of an input that belongs to a place of an op's result."""
    seen = scene.trace.value_of(value)
    shape = scene.trace.graph.values[op.outputs[0]].shape
    if seen is None or place is None or seen.data is None:
        return None
    try:
        return complex(np.broadcast_to(seen.data, shape)[place])
    except (ValueError, IndexError):
        return None
