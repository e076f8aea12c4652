"""Arrows on the character grid: lines, junctions, crossings and heads."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from graphscope.diagram.layout import Route
from graphscope.diagram.model import Arrow, ArrowKind, Diagram
from graphscope.render.text.canvas import Canvas, tag
from graphscope.render.text.glyphs import (
    EAST,
    HEADS,
    NORTH,
    SOUTH,
    WEST,
    line_glyph,
    lines_to_ascii,
)
from graphscope.render.text.picture import SpanKind

Cell = tuple[int, int]
_STRENGTH = (ArrowKind.FLOW, ArrowKind.DATA, ArrowKind.UPDATE, ArrowKind.CUT)


@dataclass(slots=True)
class _Wire:
    """What the arrows of one source draw in one cell."""

    bits: int = 0
    heavy: int = 0  # those of `bits` in which a marked path leads
    arrows: list[int] = field(default_factory=list)


def draw_wires(
    canvas: Canvas, diagram: Diagram, routes: Sequence[Route], *, ascii_only: bool
) -> None:
    """Draw the routes.

    Where two sources cross, the marked path is on top, else the vertical line.
    """
    sheet: defaultdict[Cell, dict[str, _Wire]] = defaultdict(dict)
    for route in routes:
        arrow = diagram.arrows[route.edge_index]
        for cell, bits in _steps(route):
            wire = sheet[cell].setdefault(arrow.source, _Wire())
            wire.bits |= bits
            wire.heavy |= bits if arrow.is_highlighted else 0
            wire.arrows.append(route.edge_index)
    events = {box.id: box.event for box in diagram.boxes}

    def write(cell: Cell, glyph: str, index: int, kind: SpanKind) -> None:
        event = events[diagram.arrows[index].source]
        text = lines_to_ascii(glyph) if ascii_only else glyph
        canvas.write(cell, text, tag(kind, arrow=index, event=event))

    for cell, wires in sheet.items():
        wire = max(wires.values(), key=_height)
        index = min(wire.arrows, key=lambda i: _weakness(diagram.arrows[i]))
        glyph = line_glyph(wire.bits, diagram.arrows[index].kind, wire.heavy)
        write(cell, glyph, index, SpanKind.ARROW)
    for route in routes:
        column, row = route.points[-1]
        head = HEADS[diagram.arrows[route.edge_index].kind]
        write((column, row - 1), head, route.edge_index, SpanKind.HEAD)


def _height(wire: _Wire) -> tuple[bool, bool]:
    return bool(wire.heavy), bool(wire.bits & (NORTH | SOUTH))


def _weakness(arrow: Arrow) -> tuple[bool, int]:
    """Sort arrows that share a line: the first one stands for all of them."""
    return not arrow.is_highlighted, _STRENGTH.index(arrow.kind)


def _steps(route: Route) -> Iterator[tuple[Cell, int]]:
    """Yield each cell of the route with the directions in which it is left.

    The route begins below its source and ends above its target.
    """
    points = [*route.points]
    column, row = points[-1]
    points[-1] = (column, row - 1)
    yield points[0], NORTH
    yield points[-1], SOUTH
    for (x, y), (to_x, to_y) in pairwise(points):
        if y != to_y:
            yield from _straight([(x, r) for r in range(y, to_y + 1)], (SOUTH, NORTH))
        else:
            step, bits = (1, (EAST, WEST)) if x < to_x else (-1, (WEST, EAST))
            yield from _straight([(c, y) for c in range(x, to_x + step, step)], bits)


def _straight(
    cells: Sequence[Cell], bits: tuple[int, int]
) -> Iterator[tuple[Cell, int]]:
    forth, back = bits
    for cell, following in pairwise(cells):
        yield cell, forth
        yield following, back
