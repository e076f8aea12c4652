"""Which words of a box go into which column of its row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.model import Box, BoxKind, Line

_FORMULA: Final = re.compile(
    r"(?:(?P<name>[\w.]+(?: \(version \d+\))?(?:, [\w.]+)*) )?= (?P<formula>.+)",
    re.DOTALL,
)
_GRADIENT: Final = re.compile(r"∂|\.grad |arrived |so far |path \d+/")
_NODES: Final = re.compile(r"torch: |← ")
"""Lines that name the autograd nodes of a formula."""
_KIND_WORDS: Final = {BoxKind.CONSTANT: "", BoxKind.ROOT: "result"}
"""What a row says instead of its kind, where the kind is not a user's word."""

_HAVE_FORMULA: Final = frozenset({BoxKind.OPERATION, BoxKind.READOUT, BoxKind.GAP})


@dataclass(frozen=True, slots=True)
class Columns:
    """What a row says about a box, from left to right; `nodes` behind the columns."""

    name: Line
    formula: Line
    value: Line
    gradient: Line
    nodes: Line


def split_columns(box: Box) -> Columns:
    """Sort the lines of a box into columns.

    The first line of an op is its formula; `z = u + b` also gives the row its name.
    Gradients begin with ∂; everything else is values. Where ops have their formula,
    other boxes say what they are.

    Example:
        >>> z = Box("op1", BoxKind.OPERATION, "+", (Line("z = u + b"), Line("1.9")))
        >>> columns = split_columns(z)
        >>> columns.name.text, columns.formula.text, columns.value.text
        ('z', 'u + b', '1.9')
    """
    gradients = [line for line in box.lines if _GRADIENT.match(line.text)]
    nodes = [line for line in box.lines if _NODES.match(line.text)]
    rest = [line for line in box.lines if line not in gradients + nodes]
    name = Line(box.title, box.event)
    formula = Line(_KIND_WORDS.get(box.kind, box.kind.value), box.event)
    found = _FORMULA.fullmatch(rest[0].text) if rest else None
    if found is not None:
        formula = Line(found["formula"], rest[0].event)
        name = Line(found["name"] or box.title, rest[0].event)
    elif rest and box.kind in _HAVE_FORMULA:
        formula = rest[0]
    is_used = bool(rest) and (found is not None or box.kind in _HAVE_FORMULA)
    values = _join(rest[is_used:])
    return Columns(name, formula, values, _join(gradients), _join(nodes))


def _join(lines: Sequence[Line]) -> Line:
    events = [line.event for line in lines if line.event is not None]
    text = "  ".join(line.text for line in lines)
    return Line(text, max(events, default=None))
