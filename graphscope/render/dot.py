"""Writes a diagram as DOT, for Graphviz users and for the engines.

Text is always a plain quoted string: backslashes, entities (`&amp;`) and `<...>` are
what Graphviz would interpret, so all three are disarmed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graphviz.quoting import attr_list, escape, nohtml, quote

from graphscope.diagram.model import Arrow, ArrowKind, Box, Diagram
from graphscope.diagram.palette import (
    BACKGROUND,
    NOTE_TEXT,
    paint_arrow,
    paint_box,
)
from graphscope.render.escape import clean_text
from graphscope.render.fonts import ADVANCE_EM
from graphscope.render.lettering import (
    ARROW_SIZE,
    HEADING_SIZE,
    LINE_SIZE,
    SCOPE_SIZE,
    letter_arrow,
    letter_box,
    letter_notes,
    shorten,
)
from graphscope.render.scopes import ScopeGroup, group_by_scope
from graphscope.render.thinning import find_anchors, thin_out

POINTS_PER_INCH: Final = 72

_FONT: Final = "Courier"
"""The one monospaced font whose widths every build of Graphviz knows (0.6 em)."""

_LOOSE: Final = {"weight": "0"}
"""For arrows that must not pull the forward pass out of its line."""

_PATH_WIDTH: Final = "3"

_MANY_BOXES: Final = 200

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Wording:
    """How the two uses of DOT differ: names, and what is said beside the structure."""

    name: Callable[[int, Box], str]
    box: Callable[[Box], Attributes]
    arrow: Callable[[int, Arrow], Attributes]
    scope: Callable[[str], str]


def to_dot(diagram: Diagram) -> str:
    """Return `diagram` as DOT that any Graphviz draws alike.

    The same diagram gives the same text.
    """
    diagram = thin_out(diagram)
    marks = diagram.has_highlight
    wording = _Wording(
        name=lambda _, box: _quote_text(box.id),
        box=lambda box: _box_attributes(box, has_highlight=marks),
        arrow=lambda _, arrow: _arrow_attributes(arrow, has_highlight=marks),
        scope=_label,
    )
    heading = [_label(shorten(diagram.title)), *map(_label, letter_notes(diagram))]
    graph = {
        "bgcolor": BACKGROUND,
        "fontcolor": NOTE_TEXT,
        "fontname": _FONT,
        "fontsize": f"{HEADING_SIZE:g}",
        "label": _lines(heading, end="l"),
        "labeljust": "l",
        "labelloc": "t",
    }
    return _write(diagram, wording, graph)


def to_layout_dot(diagram: Diagram) -> str:
    """Return DOT of the same structure in which all text is room to leave, no words.

    Boxes are named by position (`n0`, `n1`, ...), so that nothing which the user wrote
    reaches an engine, and labels are as wide in every engine.
    """
    wording = _Wording(
        name=lambda index, _: f"n{index}",
        box=lambda box: _size(box) | {"fixedsize": "true", "label": ""},
        arrow=lambda index, arrow: {"id": f"e{index}"} | _arrow_room(arrow),
        scope=lambda label: "x" * (len(shorten(label)) + 1),
    )
    return _write(diagram, wording, {})


def _write(diagram: Diagram, wording: _Wording, graph: Attributes) -> str:
    names = {box.id: wording.name(i, box) for i, box in enumerate(diagram.boxes)}
    lines = ["digraph {", *_preamble(diagram, graph)]
    root = group_by_scope(diagram.boxes)
    lines += _group_lines(root, diagram.boxes, wording, "\t")
    for index, arrow in enumerate(diagram.arrows):
        attributes = attr_list(kwargs=dict(wording.arrow(index, arrow)))
        lines.append(f"\t{names[arrow.source]} -> {names[arrow.target]}{attributes}")
    for above, below in find_anchors(diagram):
        lines.append(f"\t{names[above]} -> {names[below]} [style=invis]")
    return "\n".join([*lines, "}", ""])


def _preamble(diagram: Diagram, graph: Attributes) -> Iterator[str]:
    every = {"nodesep": "0.4", "rankdir": "TB", "ranksep": "0.45"} | dict(graph)
    if len(diagram.boxes) > _MANY_BOXES:
        # Network simplex is where the time of long drawings goes.
        every |= {"mclimit": "0.5", "nslimit": "2", "nslimit1": "2"}
    yield f"\tgraph{attr_list(kwargs=every)}"
    node = {"fontname": _FONT, "fontsize": f"{LINE_SIZE:g}", "shape": "box"}
    yield f"\tnode{attr_list(kwargs=node | {'margin': '0', 'style': 'filled,rounded'})}"
    edge = {"arrowsize": "0.7", "fontname": _FONT, "fontsize": f"{ARROW_SIZE:g}"}
    yield f"\tedge{attr_list(kwargs=edge)}"


def _group_lines(
    group: ScopeGroup, boxes: tuple[Box, ...], wording: _Wording, indent: str
) -> Iterator[str]:
    for index in group.boxes:
        box = boxes[index]
        attributes = attr_list(kwargs=dict(wording.box(box)))
        yield f"{indent}{wording.name(index, box)}{attributes}"
    for inner in group.groups.values():
        attributes = attr_list(
            kwargs={
                "color": "#b8b8b8",
                "fontcolor": NOTE_TEXT,
                "fontname": _FONT,
                "fontsize": f"{SCOPE_SIZE:g}",
                "label": wording.scope(inner.label),
                "labeljust": "l",
                "style": "rounded",
            }
        )
        yield f"{indent}subgraph {quote(cluster_name(inner))} {{"
        yield f"{indent}\tgraph{attributes}"
        yield from _group_lines(inner, boxes, wording, indent + "\t")
        yield f"{indent}}}"


def cluster_name(group: ScopeGroup) -> str:
    """Name a group by its first box: short, unique, free of the user's words."""
    return f"cluster_{min(group.members())}_{group.path.count('.')}"


def _size(box: Box) -> dict[str, str]:
    text = letter_box(box)
    return {
        "height": f"{text.height / POINTS_PER_INCH:.4f}",
        "width": f"{text.width / POINTS_PER_INCH:.4f}",
    }


def _box_attributes(box: Box, *, has_highlight: bool) -> Attributes:
    text, paint = letter_box(box), paint_box(box, has_highlight=has_highlight)
    lines = [f"{text.marker} {text.title}", *text.lines]
    attributes = _size(box) | {
        "color": paint.stroke,
        "fillcolor": paint.fill,
        "fontcolor": paint.text,
        "label": _lines([_label(line) for line in lines]),
    }
    if box.is_highlighted:
        attributes["penwidth"] = _PATH_WIDTH
    if text.tooltip:
        told = [_label(line) for line in text.tooltip.split("\n")]
        attributes["tooltip"] = _lines(told)
    return attributes


def _arrow_attributes(arrow: Arrow, *, has_highlight: bool) -> Attributes:
    paint = paint_arrow(arrow, has_highlight=has_highlight)
    attributes = {"color": paint.stroke, "fontcolor": paint.text}
    if lines := letter_arrow(arrow).lines:
        attributes["label"] = _lines([_label(line) for line in lines])
    if arrow.is_highlighted:
        attributes["penwidth"] = _PATH_WIDTH
    if arrow.kind is ArrowKind.UPDATE:
        attributes |= _LOOSE
    if paint.dash:
        attributes["style"] = "dashed" if paint.dash[0] > paint.dash[1] else "dotted"
    return attributes


def _arrow_room(arrow: Arrow) -> dict[str, str]:
    text = letter_arrow(arrow)
    room = dict(_LOOSE) if arrow.kind is ArrowKind.UPDATE else {}
    if not text.lines:
        return room
    cells = round(text.width / (ADVANCE_EM * ARROW_SIZE)) + 2
    return room | {"label": r"\n".join("x" * cells for _ in text.lines)}


def _label(text: str) -> str:
    r"""Return `text` so that Graphviz shows it as it is.

    >>> print(_label(r'\N <b> &amp; a|{b}'))
    \\N <b> &amp;amp; a|{b}
    """
    label: str = escape(clean_text(text).replace("&", "&amp;"))
    return label


def _lines(labels: list[str], end: str = "n") -> str:
    r"""Join escaped lines by Graphviz's line break; `l` aligns lines to the left."""
    closing = rf"\{end}" if end != "n" else ""
    # The subclass of str is what tells `quote` that `<b>` is no markup.
    whole: str = nohtml(rf"\{end}".join(labels) + closing)
    return whole


def _quote_text(text: str) -> str:
    return str(quote(escape(clean_text(text))))
