"""Writes a laid-out diagram as SVG: one look, whichever engine found the places.

Engines only answer where things are, so that all text passes through one writer; it
builds an element tree, never a string, and so nothing can break out of it.
"""

import hashlib
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Diagram
from graphscope.diagram.palette import (
    BACKGROUND,
    NOTE_TEXT,
    PALETTE,
    ArrowPaint,
    Paint,
    paint_arrow,
    paint_box,
)
from graphscope.render.engines import TIMEOUT_S, arrange
from graphscope.render.escape import clean_text
from graphscope.render.fonts import ADVANCE_EM, CSS_FAMILY, text_width
from graphscope.render.geometry import Geometry, Point, Rect, Route, ScopeFrame
from graphscope.render.lettering import (
    ARROW_SIZE,
    HEADING_SIZE,
    LEADING,
    LINE_SIZE,
    MARKER_ROOM,
    MAX_CELLS,
    NOTE_SIZE,
    PADDING_X,
    PADDING_Y,
    SCOPE_SIZE,
    TITLE_SIZE,
    ArrowText,
    letter_arrow,
    letter_box,
    letter_notes,
    shorten,
)
from graphscope.render.paths import head_points, number_text, path_data
from graphscope.render.thinning import thin_out

MARGIN: Final = 16.0

_BASELINE: Final = 0.36
"""From the middle of a line down to its baseline, in units of the font size."""

_NOTE_CELLS: Final = 60
"""Notes are wrapped at the picture's width, but never narrower than this."""

# Where arrows share a piece of their way, the gradient's is on top.
_DEPTH: Final = {
    ArrowKind.UPDATE: 0,
    ArrowKind.DATA: 1,
    ArrowKind.CUT: 2,
    ArrowKind.FLOW: 3,
}

_BOX_LINE: Final = "1.4"
_ARROW_LINE: Final = "1.3"
_PATH_LINE: Final = "3.2"
_PATH_HEAD: Final = 1.5
"""Lines and heads on a marked path are heavier: it shows without colour, too."""

_ON_PATH: Final = " on-path"

_SCOPE_FILL: Final = "#fafafa"
_SCOPE_STROKE: Final = "#b8b8b8"


@dataclass(frozen=True, slots=True)
class _Header:
    """The text around the drawing, and where the drawing goes below it."""

    title: str
    notes: tuple[str, ...]
    width: float
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class _DrawnArrow:
    """An arrow that has a way, and its position in the diagram."""

    index: int
    arrow: Arrow
    route: Route
    paint: ArrowPaint

    @property
    def depth(self) -> int:
        """What is drawn above what: the later, the higher."""
        return _DEPTH[self.arrow.kind] + len(_DEPTH) * self.arrow.is_highlighted

    def names(self, classes: str) -> dict[str, str]:
        """Return by what a stylesheet or a script finds it."""
        return {"class": classes, "data-arrow": str(self.index)}


def to_svg(
    diagram: Diagram,
    *,
    engine: str = "auto",
    timeout_s: float = TIMEOUT_S,
    family: str = CSS_FAMILY,
) -> str:
    """Return `diagram` as a complete SVG document without scripts or references.

    Args:
        diagram: What to draw.
        engine: `auto`, or one of `dot`, `wasm`, `builtin`.
        timeout_s: For each engine that is not our own.
        family: Fonts of the text, as in CSS.

    Raises:
        ExportError: The engine that was asked for is missing or failed.
    """
    thin = thin_out(diagram)
    geometry = arrange(thin, engine=engine, timeout_s=timeout_s)
    return write_svg(thin, geometry, family=family)


def write_svg(diagram: Diagram, geometry: Geometry, *, family: str = CSS_FAMILY) -> str:
    """Return the SVG of `diagram` at the places of `geometry`."""
    header = _plan_header(diagram, geometry)
    prefix = f"gs{_digest(diagram, geometry)}"
    root = _open_document(header, prefix, family)
    bold = {"font-weight": "bold", "fill": PALETTE[BoxKind.OPERATION].text}
    _add_text(root, header.title, (MARGIN, MARGIN), HEADING_SIZE, bold)
    left = (header.width - geometry.width) / 2
    shift = f"translate({number_text(left)} {number_text(header.top)})"
    drawing = ET.SubElement(root, "g", {"transform": shift})
    _add_scopes(drawing, geometry.scopes)
    has_highlight = diagram.has_highlight
    drawn = [
        _DrawnArrow(
            index, arrow, route, paint_arrow(arrow, has_highlight=has_highlight)
        )
        for index, (arrow, route) in enumerate(
            zip(diagram.arrows, geometry.routes, strict=True)
        )
        if route is not None
    ]
    _add_arrows(drawing, drawn)
    boxes = ET.SubElement(drawing, "g", {"class": "boxes", "text-anchor": "middle"})
    for index, (box, rect) in enumerate(
        zip(diagram.boxes, geometry.boxes, strict=True)
    ):
        paint = paint_box(box, has_highlight=has_highlight)
        _add_box(boxes, box, rect, (f"{prefix}-{index}", paint))
    _add_labels(drawing, drawn)
    notes = ET.SubElement(root, "g", {"class": "notes", "fill": NOTE_TEXT})
    y = header.top + geometry.height + MARGIN / 2
    for line in header.notes:
        _add_text(notes, line, (MARGIN, y), NOTE_SIZE)
        y += LEADING * NOTE_SIZE
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _plan_header(diagram: Diagram, geometry: Geometry) -> _Header:
    title = shorten(diagram.title)
    title_width = text_width(title, HEADING_SIZE)
    inner = max(geometry.width, title_width)
    cells = max(int(inner / (ADVANCE_EM * NOTE_SIZE)), _NOTE_CELLS)
    notes = [textwrap.wrap(note, cells) for note in letter_notes(diagram)]
    lines = tuple(line for wrapped in notes for line in wrapped)
    widths = [inner, *(text_width(line, NOTE_SIZE) for line in lines)]
    top = MARGIN + (HEADING_SIZE * LEADING + MARGIN * 0.75 if title else 0)
    notes_height = len(lines) * NOTE_SIZE * LEADING + (MARGIN / 2 if lines else 0)
    height = top + geometry.height + notes_height + MARGIN
    return _Header(title, lines, max(widths) + 2 * MARGIN, top, height)


def _digest(diagram: Diagram, geometry: Geometry) -> str:
    # Ids of two pictures on one HTML page must differ, those of one stay the same.
    return hashlib.sha256(
        repr((diagram, geometry)).encode(errors="replace")
    ).hexdigest()[:8]


def _open_document(header: _Header, prefix: str, family: str) -> ET.Element:
    width, height = number_text(header.width), number_text(header.height)
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": width,
            "height": height,
            "viewBox": f"0 0 {width} {height}",
            "font-family": family,
            "role": "img",
            "aria-labelledby": f"{prefix}-title",
        },
    )
    title = ET.SubElement(root, "title", {"id": f"{prefix}-title"})
    title.text = header.title or "graphscope"
    paper = {"width": width, "height": height, "fill": BACKGROUND}
    ET.SubElement(root, "rect", paper)
    return root


def _add_text(
    parent: ET.Element,
    text: str,
    place: Point,
    size: float,
    attributes: dict[str, str] | None = None,
) -> None:
    """Add one line; `place` is the top of the line at its anchor."""
    x, top = place
    baseline = top + size * (LEADING / 2 + _BASELINE)
    where = {"x": number_text(x), "y": number_text(baseline)}
    where["font-size"] = number_text(size)
    element = ET.SubElement(parent, "text", where | (attributes or {}))
    element.set("xml:space", "preserve")
    element.text = text


def _add_rect(parent: ET.Element, rect: Rect, attributes: dict[str, str]) -> None:
    sizes = {
        "x": rect.x,
        "y": rect.y,
        "width": rect.width,
        "height": rect.height,
    }
    numbers = {name: number_text(size) for name, size in sizes.items()}
    ET.SubElement(parent, "rect", numbers | attributes)


def _add_scopes(parent: ET.Element, scopes: Iterable[ScopeFrame]) -> None:
    group = ET.SubElement(parent, "g", {"class": "scopes", "fill": NOTE_TEXT})
    look = {"rx": "8", "fill": _SCOPE_FILL, "stroke": _SCOPE_STROKE}
    for scope in scopes:
        _add_rect(group, scope.rect, look)
        cells = int((scope.rect.width - 16) / (ADVANCE_EM * SCOPE_SIZE))
        place = (scope.rect.x + 8, scope.rect.y + 3)
        label = shorten(scope.label, min(cells, MAX_CELLS))
        _add_text(group, label, place, SCOPE_SIZE)


def _add_arrows(parent: ET.Element, drawn: Iterable[_DrawnArrow]) -> None:
    group = ET.SubElement(parent, "g", {"class": "arrows"})
    for one in sorted(drawn, key=lambda one: one.depth):
        is_marked = one.arrow.is_highlighted
        names = f"arrow {one.arrow.kind}{_ON_PATH if is_marked else ''}"
        element = ET.SubElement(group, "g", one.names(names))
        scale = _PATH_HEAD if is_marked else 1.0
        line = {
            "d": path_data(one.route, scale=scale),
            "fill": "none",
            "stroke": one.paint.stroke,
            "stroke-width": _PATH_LINE if is_marked else _ARROW_LINE,
        }
        if one.paint.dash:
            line["stroke-dasharray"] = " ".join(map(str, one.paint.dash))
        ET.SubElement(element, "path", line)
        points = head_points(one.route, scale=scale)
        corners = [f"{number_text(x)},{number_text(y)}" for x, y in points]
        head = {"points": " ".join(corners), "fill": one.paint.stroke}
        ET.SubElement(element, "polygon", head)


def _add_labels(parent: ET.Element, drawn: Iterable[_DrawnArrow]) -> None:
    group = ET.SubElement(parent, "g", {"class": "labels", "text-anchor": "middle"})
    for one in drawn:
        text = letter_arrow(one.arrow)
        if text.lines and one.route.label is not None:
            names = f"label{_ON_PATH if one.arrow.is_highlighted else ''}"
            element = ET.SubElement(group, "g", one.names(names))
            _add_label(element, text, one.route.label, one.paint.text)


def _add_label(parent: ET.Element, text: ArrowText, center: Point, fill: str) -> None:
    x, top = center[0], center[1] - text.height / 2
    behind = Rect(x - text.width / 2, top + 2, text.width, text.height - 3)
    _add_rect(parent, behind, {"rx": "2", "fill": BACKGROUND, "fill-opacity": "0.85"})
    for line in text.lines:
        _add_text(parent, line, (x, top), ARROW_SIZE, {"fill": fill})
        top += LEADING * ARROW_SIZE


def _add_box(parent: ET.Element, box: Box, rect: Rect, look: tuple[str, Paint]) -> None:
    element_id, paint = look
    text = letter_box(box)
    classes = f"box {box.kind}{_ON_PATH if box.is_highlighted else ''}"
    names = {"id": element_id, "class": classes, "fill": paint.text}
    group = ET.SubElement(parent, "g", names | {"data-box": clean_text(box.id)})
    if text.tooltip:
        ET.SubElement(group, "title").text = text.tooltip
    line = {
        "rx": "6",
        "fill": paint.fill,
        "stroke": paint.stroke,
        "stroke-width": _PATH_LINE if box.is_highlighted else _BOX_LINE,
    }
    _add_rect(group, rect, line)
    x, y = rect.center[0], rect.center[1] - text.height / 2 + PADDING_Y
    marker = (rect.x + PADDING_X / 2 + MARKER_ROOM / 2, y)
    _add_text(group, text.marker, marker, LINE_SIZE, {"fill": paint.stroke})
    _add_text(group, text.title, (x, y), TITLE_SIZE, {"font-weight": "bold"})
    y += LEADING * TITLE_SIZE
    for line_text in text.lines:
        _add_text(group, line_text, (x, y), LINE_SIZE)
        y += LEADING * LINE_SIZE
