"""A diagram as boxes and arrows of characters."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.layout import Layout, Rect, find_stubs, lay_out
from graphscope.diagram.model import Arrow, ArrowKind, Box, Diagram
from graphscope.render.text.canvas import Canvas, tag
from graphscope.render.text.cells import cell_width, clean, clip
from graphscope.render.text.glyphs import (
    EAST,
    SOUTH,
    WEST,
    lines_to_ascii,
    marker,
    weave,
)
from graphscope.render.text.picture import Span, SpanKind, TextPicture
from graphscope.render.text.wires import draw_wires

MAX_LABEL_WIDTH: Final = 48
_SHOWN_STUBS: Final = 3
_HEAVY: Final = str.maketrans("╭─╮│╰╯", "┏━┓┃┗┛")
_FRAME: Final = 4  # border and one space on both sides


@dataclass(frozen=True, slots=True)
class _Words:
    """How texts are written in this picture."""

    ascii_only: bool
    max_width: int

    def of(self, text: str) -> str:
        ellipsis = "..." if self.ascii_only else "…"
        return clip(clean(text, ascii_only=self.ascii_only), self.max_width, ellipsis)


Text = tuple[str, Span]


def draw_boxes(
    diagram: Diagram,
    *,
    ascii_only: bool = False,
    max_label_width: int = MAX_LABEL_WIDTH,
) -> TextPicture:
    """Return the picture of boxes, without title and notes.

    Args:
        diagram: What to draw.
        ascii_only: Use no character outside of ASCII.
        max_label_width: Longer titles, lines and labels are cut, with an ellipsis.
    """
    words = _Words(ascii_only, max_label_width)
    edges = [(arrow.source, arrow.target) for arrow in diagram.arrows]
    stubs = find_stubs([box.id for box in diagram.boxes], edges)
    texts = _box_texts(diagram, stubs, words)
    labels = {
        index: found
        for index, arrow in enumerate(diagram.arrows)
        if index not in stubs and (found := _label_texts(arrow, index, words))
    }
    layout = lay_out(
        {name: _size(lines, _FRAME, 2) for name, lines in texts.items()},
        edges,
        labels={index: _size(lines, 0, 0) for index, lines in labels.items()},
    )
    canvas = Canvas()
    draw_wires(canvas, diagram, layout.routes, ascii_only=ascii_only)
    for box in diagram.boxes:
        _draw_frame(canvas, box, layout.places[box.id], ascii_only=ascii_only)
        _draw_lines(canvas, layout.places[box.id], texts[box.id], inset=2)
    for index, lines in labels.items():
        _draw_lines(canvas, layout.label_places[index], lines, inset=0)
    _draw_tees(canvas, diagram, layout, ascii_only=ascii_only)
    return canvas.picture(layout.height, layout.places)


def _size(lines: Sequence[Sequence[Text]], columns: int, rows: int) -> tuple[int, int]:
    widths = (sum(cell_width(text) for text, _ in line) for line in lines)
    return max(widths) + columns, len(lines) + rows


def _box_texts(
    diagram: Diagram, stubs: Iterable[int], words: _Words
) -> dict[str, list[list[Text]]]:
    """Return for each box its lines, each in pieces with their tags."""
    ends = _stub_texts(diagram, stubs, words)
    texts: dict[str, list[list[Text]]] = {}
    for box in diagram.boxes:
        mark = marker(box.kind, ascii_only=words.ascii_only)
        title: list[Text] = [
            (f"{mark} ", tag(SpanKind.MARKER, box.id, event=box.event)),
            (words.of(box.title), tag(SpanKind.TITLE, box.id, event=box.event)),
        ]
        lines: list[list[Text]] = [
            [(words.of(line.text), tag(SpanKind.TEXT, box.id, event=line.event))]
            for line in box.lines
        ]
        texts[box.id] = [title, *lines, *ends[box.id]]
    return texts


def _stub_texts(
    diagram: Diagram, stubs: Iterable[int], words: _Words
) -> Mapping[str, list[list[Text]]]:
    """Return the lines that name the far ends of arrows that are not drawn."""
    titles = {box.id: box.title for box in diagram.boxes}
    far: defaultdict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for index in stubs:
        arrow = diagram.arrows[index]
        far[arrow.target, "⇠"].append((titles[arrow.source], index))
        far[arrow.source, "⇢"].append((titles[arrow.target], index))
    texts: defaultdict[str, list[list[Text]]] = defaultdict(list)
    for (box, sign), ends in far.items():
        names = [f"{sign} {name}" for name, _ in ends[:_SHOWN_STUBS]]
        if len(ends) > _SHOWN_STUBS:
            names.append(f"{sign} {len(ends) - _SHOWN_STUBS} more")
        texts[box] += [
            [(words.of(name), tag(SpanKind.STUB, box, arrow=index))]
            for name, (_, index) in zip(names, ends, strict=False)
        ]
    return texts


def _label_texts(arrow: Arrow, index: int, words: _Words) -> list[list[Text]]:
    lines: list[list[Text]] = []
    if arrow.label is not None:
        style = tag(SpanKind.LABEL, arrow=index, event=arrow.label.event)
        lines.append([(words.of(arrow.label.text), style)])
    if arrow.kind is ArrowKind.CUT and arrow.reason:
        style = tag(SpanKind.LABEL, arrow=index)
        lines.append([(words.of(f"cut: {arrow.reason}"), style)])
    return lines


def _draw_frame(canvas: Canvas, box: Box, place: Rect, *, ascii_only: bool) -> None:
    inner = place.width - 2
    middle = f"│{' ' * inner}│"
    frame = [f"╭{'─' * inner}╮", *[middle] * (place.height - 2), f"╰{'─' * inner}╯"]
    if box.is_highlighted:
        frame = [row.translate(_HEAVY) for row in frame]
    style = tag(SpanKind.BOX, box.id, event=box.event)
    for row, text in enumerate(frame, place.y):
        glyphs = lines_to_ascii(text) if ascii_only else text
        canvas.write((place.x, row), glyphs, style)


def _draw_lines(
    canvas: Canvas, place: Rect, lines: Sequence[Sequence[Text]], *, inset: int
) -> None:
    for row, line in enumerate(lines, place.y + inset // 2):
        column = place.x + inset
        for text, style in line:
            column = canvas.write((column, row), text, style)


def _draw_tees(
    canvas: Canvas, diagram: Diagram, layout: Layout, *, ascii_only: bool
) -> None:
    """Mark where arrows leave their boxes."""
    boxes = {box.id: box for box in diagram.boxes}
    heavy: defaultdict[tuple[int, int], int] = defaultdict(int)
    for route in layout.routes:
        arrow = diagram.arrows[route.edge_index]
        is_marked = boxes[arrow.source].is_highlighted
        heavy[route.points[0]] |= EAST | WEST if is_marked else 0
        heavy[route.points[0]] |= SOUTH if arrow.is_highlighted else 0
    for route in layout.routes:
        source = boxes[diagram.arrows[route.edge_index].source]
        column, row = route.points[0]
        style = tag(SpanKind.BOX, source.id, event=source.event)
        glyph = weave(EAST | WEST | SOUTH, heavy[route.points[0]])
        shown = lines_to_ascii(glyph) if ascii_only else glyph
        canvas.write((column, row - 1), shown, style)
