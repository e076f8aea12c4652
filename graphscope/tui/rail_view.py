"""The rail view: one row for each op in the order of execution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from rich.cells import cell_len

from graphscope.diagram.model import Style
from graphscope.tui.chain_view import NO_MARKS, PathMarks
from graphscope.tui.lines import (
    Area,
    Band,
    Piece,
    ScreenLine,
    Tone,
    align_point,
    line,
    pad,
)
from graphscope.tui.moment import Moment, Reading
from graphscope.tui.outline import Node, Outline
from graphscope.tui.state import LAST
from graphscope.tui.words import (
    describe,
    gradient_reading,
    locals_of,
    reading_text,
    short_name,
    short_text,
    tone_of_node,
    value_reading,
)

_MAX_NAME: Final = 18
_MAX_FORMULA: Final = 48
_DECIMALS: Final = 4
_MAX_WHOLE: Final = 6
_TENSOR: Final = 18
_SHORT_TENSOR: Final = 11
_GOOD_FORMULA: Final = 24
_SAMPLED_ROWS: Final = 500
_FRACTION: Final = "/∂"
_MIN_DERIVATIVE: Final = 8
_MIN_FORMULA: Final = 8
_GAP: Final = "  "
_ON_PATH: Final = {"●": "◆", "○": "◇"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells of the columns behind the rail.

    `decimals` is whether numbers stand under each other by their decimal points,
    `room` how many cells are left behind the numbers.
    """

    name: int
    formula: int
    value: int
    gradient: int
    decimals: bool
    room: int = 0


def choose_columns(moment: Moment, outline: Outline, width: int) -> Columns:
    """Divide `width` cells: numbers whole, then names, the rest for formulas."""
    nodes = outline.nodes[:_SAMPLED_ROWS]
    names = [cell_len(short_name(moment.trace, n)) for n in nodes]
    formulas = [cell_len(_longest(moment, n)) for n in nodes]
    is_scalar = all(
        _elements(moment.graph.values[n.value].shape) == 1
        for n in nodes
        if n.value is not None
    )
    value = _number_width([value_reading(moment, n) for n in nodes], is_scalar)
    gradient = _number_width([gradient_reading(moment, n) for n in nodes], is_scalar)
    name = min(max(names, default=0), _MAX_NAME)
    words = outline.rail_width + 3 + name + 1
    if not is_scalar and words + _GOOD_FORMULA + 6 + value + gradient > width:
        value = gradient = _SHORT_TENSOR
    fixed = words + 2 + value + 4 + gradient
    formula = min(max(formulas, default=0), _MAX_FORMULA, max(width - fixed, 8))
    room = max(width - fixed - formula, 0)
    return Columns(name, formula, value, gradient, decimals=is_scalar, room=room)


def _longest(moment: Moment, node: Node) -> str:
    cut = moment.graph.ops[node.op].cut if node.op is not None else ""
    text = describe(moment.trace, node)
    return f"{text} ✗ {cut}" if cut else text


def _number_width(readings: Sequence[Reading | None], is_scalar: bool) -> int:  # noqa: FBT001
    if not is_scalar:
        return _TENSOR
    texts = [reading_text(r).partition(".")[0] for r in readings if r is not None]
    whole = max((len(text) for text in texts), default=2)
    return min(max(whole, 2), _MAX_WHOLE) + 1 + _DECIMALS


def _elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


@dataclass(frozen=True)
class RailPicture:
    """A step as rows; only the rows on the screen are ever written."""

    moment: Moment
    outline: Outline
    columns: Columns
    selection: int | None
    style: Style = Style.OPERATIONS
    marks: PathMarks = NO_MARKS

    @cached_property
    def current(self) -> frozenset[int]:
        """The nodes that the current event is about."""
        return frozenset(self.outline.nodes_of_event(self.moment.event))

    @property
    def width(self) -> int:
        """Cells of a row."""
        columns = self.columns
        words = columns.name + 1 + columns.formula
        numbers = 2 + columns.value + 4 + columns.gradient
        return self.outline.rail_width + 3 + words + numbers

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.outline.nodes)

    def node_at(self, x: int, y: int) -> int | None:
        """Return the node of a row."""
        return y if x >= 0 and 0 <= y < self.height else None

    def area_of(self, node: int) -> Area | None:
        """Return where a node is drawn."""
        return Area(0, node, 1, 1) if 0 <= node < self.height else None

    def line_at(self, y: int) -> ScreenLine:
        """Write one row."""
        node = self.outline.nodes[y]
        is_current = y in self.current
        is_made = self._is_made(node)
        rail = self._rail(y, is_made=is_made)
        numbers = self._numbers(node)
        behind = self._factor_behind(y)
        marker = Piece(" ▶ " if is_current else "   ", Tone.MARK)
        pieces = (
            *rail,
            marker,
            *self._words(node, is_made=is_made),
            *numbers,
            *([Piece(_GAP), behind] if behind is not None else []),
        )
        if y == self.selection:
            return line(*pieces, band=Band.SELECTED)
        return line(*pieces, band=Band.CURRENT if is_current else Band.NONE)

    def _is_made(self, node: Node) -> bool:
        if node.value is not None:
            return self.moment.is_made(node.value)
        if node.op is None:
            return True
        return self.moment.has_happened(self.moment.graph.op_events.get(node.op))

    def _rail(self, y: int, *, is_made: bool) -> list[Piece]:
        text = pad(self.outline.rails[y].cells, self.outline.rail_width)
        text = text if is_made else text.replace("●", "○")
        node = self.outline.nodes[y]
        if node.op is not None and self.moment.graph.ops[node.op].cut:
            text = text.replace("─", "╌")
        tone = Tone.MUTED if is_made else Tone.FUTURE
        if y not in self.marks.nodes:
            return [Piece(text, tone)]
        before, dot, after = _split_dot(text)
        sign = _ON_PATH.get(dot, dot)
        return [Piece(before, tone), Piece(sign, Tone.PATH), Piece(after, tone)]

    def _words(self, node: Node, *, is_made: bool) -> list[Piece]:
        trace, columns = self.moment.trace, self.columns
        name = Piece(f"{pad(short_name(trace, node), columns.name)} ")
        formula = self._formula_pieces(node)
        cut = trace.graph.ops[node.op].cut if node.op is not None else ""
        if cut:
            mark = pad(f"✗ {cut}", min(cell_len(cut) + 2, columns.formula // 2))
            room = columns.formula - cell_len(mark) - 1
            text = pad(self._formula(node, room), room)
            formula = [Piece(f"{text} "), Piece(mark, Tone.CUT)]
        if not is_made:
            return [replace(p, tone=Tone.FUTURE) for p in (name, *formula)]
        return [replace(name, tone=tone_of_node(trace, node)), *formula]

    def _formula_pieces(self, node: Node) -> list[Piece]:
        """Write the formula, cut for the factor of the chain rule where it must be."""
        width = self.columns.formula
        text = self._formula(node, width)
        room = width - min(cell_len(text), _MIN_FORMULA) - 1
        factor = self._factor(node.id, room)
        if factor is None or self._factor_behind(node.id) is not None:
            return [Piece(pad(text, width))]
        left = width - cell_len(factor.text) - 1
        return [Piece(f"{pad(text, left)} "), factor]

    def _factor_behind(self, node: int) -> Piece | None:
        """Write the factors behind the numbers, the best place for them."""
        return self._factor(node, self.columns.room - len(_GAP))

    def _factor(self, node: int, room: int) -> Piece | None:
        """Write the factors of an op, None where there is no room for them."""
        factors = self.marks.factors.get(node, ())
        now, width = self.moment.event, cell_len(self._join_factors(node, LAST))
        is_shown = self.style is Style.VARIABLES  # instead of the formula
        if not factors or is_shown or width > room:
            return None
        text = pad(self._join_factors(node, now), width)
        events = [factor.event for factor in factors]
        tone = Tone.LOCAL if min(events) <= now else Tone.FUTURE
        return Piece(text, Tone.FRESH if now in events else tone)

    def _join_factors(self, node: int, event: int) -> str:
        return "  ".join(f.at(event) for f in self.marks.factors.get(node, ()))

    def _formula(self, node: Node, room: int) -> str:
        if self.style is Style.VARIABLES:
            found = locals_of(self.moment, node)
            parts = [(name, reading_text(r)) for name, r in found if r.is_known]
            if parts:
                return _equations(list(dict.fromkeys(parts)), room)
        return describe(self.moment.trace, node)

    def _numbers(self, node: Node) -> list[Piece]:
        value = value_reading(self.moment, node)
        gradient = gradient_reading(self.moment, node)
        return [
            Piece("  "),
            self._number(value, Tone.VALUE, self.columns.value),
            Piece("  "),
            self._number(gradient, Tone.GRADIENT, self.columns.gradient, "∂ "),
        ]

    def _number(
        self, reading: Reading | None, tone: Tone, width: int, prefix: str = ""
    ) -> Piece:
        if reading is None:
            return Piece(" " * (len(prefix) + width))
        is_short = width == _SHORT_TENSOR and not self.columns.decimals
        text = short_text(reading.seen) if is_short else reading_text(reading)
        shown = align_point(text, width) if self.columns.decimals else pad(text, width)
        return Piece(prefix + shown, tone if reading.is_known else Tone.FUTURE)


def _split_dot(rail: str) -> tuple[str, str, str]:
    """Return what stands before the node of a rail, its dot, and what stands behind.

    >>> _split_dot("│ ●")
    ('│ ', '●', '')
    """
    at = max(rail.find("●"), rail.find("○"))
    return rail[:at], rail[at : at + 1], rail[at + 1 :]


def _equations(parts: Sequence[tuple[str, str]], room: int) -> str:
    """Write `name = number` pairs; without room names are cut, numbers stay whole."""
    joint, gap = " = ", "  "
    whole = gap.join(f"{name}{joint}{number}" for name, number in parts)
    if cell_len(whole) <= room:
        return whole
    for count in range(len(parts), 0, -1):
        shown = parts[:count]
        numbers = sum(cell_len(number) + len(joint) for _, number in shown)
        left = room - numbers - len(gap) * (count - 1)
        if left >= count * _MIN_DERIVATIVE:
            return gap.join(
                f"{_cut_derivative(name, left // count)}{joint}{number}"
                for name, number in shown
            )
    return pad(parts[0][1], room).rstrip()


def _cut_derivative(name: str, room: int) -> str:
    """Shorten both sides of a derivative's fraction bar to `room` cells.

    >>> _cut_derivative("∂loss/∂(pred - y)", 11), _cut_derivative("∂z/∂u", 9)
    ('∂lo…/∂(pre…', '∂z/∂u')
    """
    above, bar, below = name.partition(_FRACTION)
    if not bar or cell_len(name) <= room:
        return pad(name, room).rstrip()
    sides = room - len(bar)
    first = max(min(cell_len(above), sides // 2), sides - cell_len(below))
    first = min(first, cell_len(above))
    return f"{pad(above, first).rstrip()}{bar}{pad(below, sides - first).rstrip()}"
