"""One formula of the slides, and what is asked of the ops that make it up."""

from dataclasses import dataclass
from math import prod
from typing import Final

from graphscope.diagram.lecture.inside import Inside, Operand
from graphscope.model.graph import Argument, Op

PAIR: Final = 2
"""Arguments of an op that joins two values."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula of the slides.

    Attributes:
        title: What it is called.
        text: It, in the user's own names.
        operands: What it reads.
        inner: The ops whose results it hides, the last first.
    """

    title: str
    text: str
    operands: tuple[Operand, ...]
    inner: tuple[Op, ...]


def pair_of(op: Op) -> list[Argument] | None:
    """Return both arguments of an op that has no more than two."""
    found = list(op.arguments)
    is_pair = len(found) == PAIR and all(a.value is not None for a in found)
    return found if is_pair and not any(a.name for a in found) else None


def count_of(inside: Inside, value: int) -> int:
    """Return how many numbers a value has."""
    return prod(inside.selection.trace.graph.values[value].shape)
