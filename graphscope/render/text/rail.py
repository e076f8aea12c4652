"""A diagram as one row per box, in execution order, with rails on the left."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from graphscope.diagram.layout import Rect
from graphscope.diagram.model import ArrowKind, Box, Diagram
from graphscope.diagram.rail import RailRow, lay_rail
from graphscope.render.text.canvas import Canvas, tag
from graphscope.render.text.cells import cell_width, clean, clip
from graphscope.render.text.columns import Columns, split_columns
from graphscope.render.text.glyphs import (
    DASHES,
    HEAVY_MARK,
    lines_to_ascii,
    marker,
)
from graphscope.render.text.picture import Span, SpanKind, TextPicture

MAX_LABEL_WIDTH: Final = 48
_GAP: Final = 2
_MIN_COLUMN: Final = 8
_NARROW_COLUMN: Final = 12
_MAX_UPDATE_RAILS: Final = 4
_SHOWN_STUBS: Final = 2

Text = tuple[str, Span]
Reads = Mapping[str, tuple[int, str]]


def draw_rail(
    diagram: Diagram,
    *,
    ascii_only: bool = False,
    width: int | None = None,
    max_label_width: int = MAX_LABEL_WIDTH,
) -> TextPicture:
    """Return one line per box: rail, name, formula or kind, value, gradient.

    After the columns a line names what it reads over no rail, and why a gradient
    stops there.

    Args:
        diagram: Its boxes stand in execution order.
        ascii_only: Use no character outside of ASCII.
        width: Columns become narrower, formulas and names first, until lines fit into
            this many cells or all columns are 8 cells wide.
        max_label_width: Longer texts are cut, with an ellipsis.
    """
    rows = _lay_rows(diagram)
    table = _write_table(diagram, ascii_only=ascii_only)
    rails = max((len(row.cells) for row in rows), default=0)
    left = len(HEAVY_MARK) + 1 if diagram.has_highlight else 0
    widths = _column_widths(table, left + rails, (width, max_label_width))
    remarks = _remarks(diagram, rows)
    reads = _dashed_reads(diagram)
    ellipsis = "..." if ascii_only else "…"

    def room_of(x: int) -> int:
        return max_label_width if width is None else max(width - x, _MIN_COLUMN)

    canvas = Canvas()
    for y, (box, row, texts) in enumerate(zip(diagram.boxes, rows, table, strict=True)):
        _mark_row(canvas, y, box, ascii_only=ascii_only)
        _draw_rails(canvas, (left, y), (box, row, reads), ascii_only=ascii_only)
        start = (left + rails + _GAP, y)
        x = _draw_columns(canvas, start, texts, (widths, room_of, ellipsis))
        for remark, style in remarks[y]:
            text = clip(clean(remark, ascii_only=ascii_only), room_of(x), ellipsis)
            x = canvas.write((x, y), text, style) + _GAP
    picture = canvas.picture(len(rows), {})
    regions = {row.id: Rect(0, y, picture.width, 1) for y, row in enumerate(rows)}
    return TextPicture(picture.lines, regions, picture.spans)


def _draw_columns(
    canvas: Canvas,
    at: tuple[int, int],
    texts: Sequence[Text],
    style: tuple[Sequence[int], Callable[[int], int], str],
) -> int:
    """Draw the columns of a row; return where remarks can begin.

    The last text of a row may run on over the columns after its own.
    """
    widths, room_of, ellipsis = style
    x, y = at
    filled = [index for index, (text, _) in enumerate(texts) if text]
    free = x
    for index, (text, span) in enumerate(texts):
        is_last = bool(filled) and index == filled[-1]
        room = max(room_of(x), widths[index]) if is_last else widths[index]
        end = canvas.write((x, y), clip(text, room, ellipsis), span)
        free = max(free, end + _GAP) if text else free
        if index < len(texts) - 1 or text:
            x += widths[index] + (_GAP if widths[index] else 0)
    return max(x, free)


def _lay_rows(diagram: Diagram) -> tuple[RailRow, ...]:
    """Lay rails for the arrows, but not for all parameters of a large optimizer.

    Those would run beside everything else to the last row, which names them anyway.
    """
    updates = Counter(a.target for a in diagram.arrows if a.kind is ArrowKind.UPDATE)
    predecessors: defaultdict[str, list[str]] = defaultdict(list)
    for arrow in diagram.arrows:
        is_update = arrow.kind is ArrowKind.UPDATE
        if not is_update or updates[arrow.target] <= _MAX_UPDATE_RAILS:
            predecessors[arrow.target].append(arrow.source)
    return lay_rail([box.id for box in diagram.boxes], predecessors)


def _write_table(diagram: Diagram, *, ascii_only: bool) -> list[list[Text]]:
    table: list[list[Text]] = []
    for box in diagram.boxes:
        columns: Columns = split_columns(box)
        cells = (
            (columns.name, SpanKind.TITLE),
            (columns.formula, SpanKind.TEXT),
            (columns.value, SpanKind.TEXT),
            (columns.gradient, SpanKind.GRADIENT),
        )
        table.append(
            [
                (
                    clean(line.text, ascii_only=ascii_only),
                    tag(kind, box.id, event=line.event),
                )
                for line, kind in cells
            ]
        )
    return table


def _column_widths(
    table: Sequence[Sequence[Text]], rails: int, limits: tuple[int | None, int]
) -> list[int]:
    """Return the widths. A last text in its row may be longer than its column."""
    width, max_label_width = limits
    widths = [0, 0, 0, 0]
    for texts in table:
        filled = [index for index, (text, _) in enumerate(texts) if text]
        for index in filled:
            is_long_end = index == filled[-1] and index == len(texts) - 2
            wanted = min(cell_width(texts[index][0]), max_label_width)
            if not is_long_end:
                widths[index] = max(widths[index], wanted)
    if width is not None:
        room = width - rails - _GAP * sum(1 for w in widths if w)
        for index in (1, 0):  # numbers give way last
            excess = max(sum(widths) - room, 0)
            spare = max(widths[index] - _NARROW_COLUMN, 0)
            widths[index] -= min(excess, spare)
        while sum(widths) > room and max(widths) > _MIN_COLUMN:
            widths[widths.index(max(widths))] -= 1
    return widths


def _remarks(diagram: Diagram, rows: Sequence[RailRow]) -> list[list[Text]]:
    """Return for each row what stands after the columns."""
    titles = {box.id: box.title for box in diagram.boxes}
    cuts: defaultdict[str, list[Text]] = defaultdict(list)
    for index, arrow in enumerate(diagram.arrows):
        if arrow.kind is ArrowKind.CUT:
            text = f"cut: {arrow.reason}" if arrow.reason else "cut"
            style = tag(SpanKind.LABEL, arrow.target, arrow=index)
            if text not in [seen for seen, _ in cuts[arrow.target]]:
                cuts[arrow.target].append((text, style))
    boxes = {box.id: box for box in diagram.boxes}
    return [
        [*_stub_texts(row, titles), *cuts[row.id], *_node_texts(boxes[row.id])]
        for row in rows
    ]


def _node_texts(box: Box) -> Iterator[Text]:
    """Yield the autograd nodes of a formula: there is no column for them."""
    nodes = split_columns(box).nodes
    if nodes.text:
        text = " ".join(nodes.text.split())
        yield text, tag(SpanKind.TEXT, box.id, event=nodes.event)


def _stub_texts(row: RailRow, titles: Mapping[str, str]) -> Iterator[Text]:
    names = [titles[name] for name in row.stubs]
    if names:
        more = len(names) - _SHOWN_STUBS
        text = f"⇠ {', '.join(names[:_SHOWN_STUBS])}"
        text += f" and {more} more" if more > 0 else ""
        yield text, tag(SpanKind.STUB, row.id)


def _dashed_reads(diagram: Diagram) -> Reads:
    """Return box id -> (last row that reads it over a solid line, dash after that)."""
    rows = {box.id: y for y, box in enumerate(diagram.boxes)}
    found: dict[str, tuple[int, str]] = {}
    for arrow in sorted(diagram.arrows, key=lambda arrow: rows[arrow.target]):
        last, dash = found.get(arrow.source, (-1, "│"))
        if arrow.kind not in DASHES:
            last, dash = rows[arrow.target], "│"
        elif dash == "│":
            dash = DASHES[arrow.kind][0]
        found[arrow.source] = (last, dash)
    return found


def _mark_row(canvas: Canvas, y: int, box: Box, *, ascii_only: bool) -> None:
    """Mark a row that is on the path of a gradient, in front of its rails."""
    if box.is_highlighted:
        mark = lines_to_ascii(HEAVY_MARK) if ascii_only else HEAVY_MARK
        canvas.write((0, y), mark, tag(SpanKind.RAIL, box.id, event=box.event))


def _draw_rails(
    canvas: Canvas,
    at: tuple[int, int],
    drawn: tuple[Box, RailRow, Reads],
    *,
    ascii_only: bool,
) -> None:
    left, y = at
    box, row, reads = drawn
    for x, char in enumerate(row.cells):
        lane = x // 2
        owner = row.owners[lane] if x % 2 == 0 and lane < len(row.owners) else None
        last, dash = reads.get(owner or "", (y, "│"))
        glyph = dash if char == "│" and last < y else char
        if char != " ":
            shown = lines_to_ascii(glyph) if ascii_only else glyph
            canvas.write((left + x, y), shown, tag(SpanKind.RAIL, owner or box.id))
    sign = marker(box.kind, ascii_only=ascii_only)
    style = tag(SpanKind.MARKER, box.id, event=box.event)
    canvas.write((left + row.node, y), sign, style)
