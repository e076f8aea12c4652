"""The box view: the picture that is exported, in characters, with its future dimmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rich.cells import cell_len

from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import ArrowKind, BoxKind, Diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.model.trace import Trace
from graphscope.render.text import draw_boxes
from graphscope.render.text.picture import Span, SpanKind, TextPicture
from graphscope.tui.lines import Area, Band, Piece, ScreenLine, Tone, line
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Outline

MAX_BOXES: Final = 300

_CORNERS: Final = ("╭", "┏")

_TONES: Final = {
    SpanKind.BOX: Tone.MUTED,
    SpanKind.MARKER: Tone.MUTED,
    SpanKind.TITLE: Tone.TITLE,
    SpanKind.TEXT: Tone.PLAIN,
    SpanKind.GRADIENT: Tone.GRADIENT,
    SpanKind.LABEL: Tone.GRADIENT,
}
_KIND_TONES: Final = {
    BoxKind.PARAMETER: Tone.PARAMETER,
    BoxKind.BUFFER: Tone.PARAMETER,
    BoxKind.INPUT: Tone.INPUT,
    BoxKind.GAP: Tone.ERROR,
}


@dataclass(frozen=True)
class BoxDrawing:
    """The boxes of one step as `options` say: everything that no event changes."""

    diagram: Diagram
    text: TextPicture
    node_of_box: Mapping[str, int]
    boxes_of_node: Mapping[int, str]
    kinds: Mapping[str, BoxKind]
    made_by: Mapping[str, int | None]
    options: DiagramOptions

    def scope_of(self, node: int) -> str:
        """Return the module whose collapsed box stands for a node, else nothing."""
        box = self.boxes_of_node.get(node, "")
        is_module = self.kinds.get(box) is BoxKind.MODULE
        return box.removeprefix("scope:").partition("#")[0] if is_module else ""


def draw_step(trace: Trace, outline: Outline, options: DiagramOptions) -> BoxDrawing:
    """Build and lay out the picture of a step."""
    diagram = build_diagram(trace, options)
    node_of_box: dict[str, int] = {}
    boxes_of_node: dict[int, str] = {}
    for box in diagram.boxes:
        nodes = [outline.of_value.get(v) for v in box.values]
        nodes += [outline.of_op.get(op) for op in box.ops]
        known = [node for node in nodes if node is not None]
        if known:
            node_of_box[box.id] = known[0]
        for node in known:
            boxes_of_node.setdefault(node, box.id)
    return BoxDrawing(
        diagram,
        draw_boxes(diagram),
        node_of_box,
        boxes_of_node,
        {box.id: box.kind for box in diagram.boxes},
        {box.id: box.event for box in diagram.boxes},
        options,
    )


@dataclass(frozen=True)
class BoxPicture:
    """A drawing at one moment."""

    drawing: BoxDrawing
    moment: Moment
    current: frozenset[str]
    selected: str | None

    @cached_property
    def marked(self) -> frozenset[str]:
        """The boxes on the path of a gradient."""
        boxes = self.drawing.diagram.boxes
        return frozenset(box.id for box in boxes if box.is_highlighted)

    @property
    def width(self) -> int:
        """Cells of the widest line."""
        notes = (cell_len(note) + 1 for note in self.drawing.diagram.notes)
        return max(self.drawing.text.width, *notes, 0) if notes else 0

    @property
    def height(self) -> int:
        """How many lines there are."""
        return len(self.drawing.text.lines)

    def line_at(self, y: int) -> ScreenLine:
        """Colour one line."""
        text = self.drawing.text.lines[y]
        cells = _cells_of(text)
        pieces: list[Piece] = []
        at = 0
        for span in self.drawing.text.spans[y]:
            pieces.append(Piece("".join(cells[at : span.start])))
            pieces.append(self._piece(span, "".join(cells[span.start : span.end])))
            at = span.end
        pieces.append(Piece("".join(cells[at:])))
        return line(*pieces)

    def _piece(self, span: Span, text: str) -> Piece:
        band = Band.NONE
        if span.box is not None:
            if span.box == self.selected:
                band = Band.SELECTED
            elif span.box in self.current:
                band = Band.CURRENT
        tone = self._tone(span)
        if tone is Tone.PLAIN and text.startswith("∂"):
            tone = Tone.GRADIENT
        return Piece(self._marked(span, text), tone, band)

    def _marked(self, span: Span, text: str) -> str:
        is_corner = text.startswith(_CORNERS) and span.box in self.current
        return f"▶{text[1:]}" if is_corner and span.kind is SpanKind.BOX else text

    def _tone(self, span: Span) -> Tone:
        if not self._has_happened(span):
            return Tone.FUTURE
        if span.kind is SpanKind.TITLE and span.box is not None:
            return _KIND_TONES.get(self.drawing.kinds[span.box], Tone.TITLE)
        if span.arrow is not None and span.kind in (SpanKind.ARROW, SpanKind.HEAD):
            arrow = self.drawing.diagram.arrows[span.arrow]
            if arrow.is_highlighted:
                return Tone.PATH
            return Tone.CUT if arrow.kind is ArrowKind.CUT else Tone.MUTED
        if span.box in self.marked and span.kind in (SpanKind.BOX, SpanKind.MARKER):
            return Tone.PATH
        return _TONES.get(span.kind, Tone.MUTED)

    def _has_happened(self, span: Span) -> bool:
        box = span.box
        if box is None and span.arrow is not None:  # drawn when its end is
            box = self.drawing.diagram.arrows[span.arrow].target
        made_by = None if box is None else self.drawing.made_by[box]
        has_happened = self.moment.has_happened
        return has_happened(span.event) and has_happened(made_by)

    def node_at(self, x: int, y: int) -> int | None:
        """Return the node of the box in a cell."""
        if not 0 <= y < self.height:
            return None
        for span in self.drawing.text.spans[y]:
            if span.box is not None and span.start <= x < span.end:
                return self.drawing.node_of_box.get(span.box)
        return None

    def area_of(self, node: int) -> Area | None:
        """Return where the box of a node is drawn."""
        box = self.drawing.boxes_of_node.get(node)
        rect = None if box is None else self.drawing.text.regions.get(box)
        return None if rect is None else Area(rect.x, rect.y, rect.width, rect.height)


def _cells_of(text: str) -> Sequence[str]:
    """Return what stands in each cell: a wide character leaves its second one empty."""
    if text.isascii():
        return text
    cells: list[str] = []
    for char in text:
        width = cell_len(char)
        if width == 0 and cells:
            cells[-1] += char
        else:
            cells += [char] + [""] * (width - 1)
    return cells


def picture_boxes(
    drawing: BoxDrawing, moment: Moment, outline: Outline, selection: int | None
) -> BoxPicture:
    """Show a drawing at one moment, with the current and the selected box marked."""
    nodes = outline.nodes_of_event(moment.event)
    boxes = (drawing.boxes_of_node.get(node) for node in nodes)
    current = frozenset(box for box in boxes if box is not None)
    selected = None if selection is None else drawing.boxes_of_node.get(selection)
    return BoxPicture(drawing, moment, current, selected)
