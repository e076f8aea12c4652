"""Diagrams written out by hand, and texts that try to break out of a picture."""

import xml.etree.ElementTree as ET

from graphscope.diagram.model import (
    Arrow,
    ArrowKind,
    Box,
    BoxKind,
    Diagram,
    Line,
    Style,
)

HOSTILE = {
    "script": '"><script>alert(1)</script>',
    "dot escape": r"\N \G \l \T \E",
    "trailing backslash": "path\\",
    "record": "a|{b}|<port>",
    "html label": "<b>bold</b>",
    "cdata end": "]]>",
    "entity": "&amp; &lt; &alpha; &#65;",
    "image": "<img src=x onerror=alert(1)>",
    "quotes": "'\"`",
    "comment": "<!-- --> /* */ // #",
    "terminal": "\x1b[31mred\x1b[0m\x07",
    "nul": "a\x00b",
    "bidi": "a\u202eb\u2066c",
    "surrogate": "a\ud800b",
    "line breaks": "a\nb\r\nc\u2028d",
    "emoji": "🔥 変数",
    "markup": "[bold]x[/] {x} %s $x",
}
"""What a variable, file or module may be called by someone who means no good."""


SVG = "{http://www.w3.org/2000/svg}"


def parse_xml(text: str | bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - written by ourselves a moment ago


def svg_texts(svg: str) -> list[str]:
    return [element.text or "" for element in parse_xml(svg).iter(f"{SVG}text")]


def one_box(text: str) -> Diagram:
    """Return a picture that says `text` in every place where text can be."""
    boxes = (
        Box("a", BoxKind.INPUT, text, (Line(text),), text, tooltip=text),
        Box("b", BoxKind.VALUE, text),
    )
    arrows = (
        Arrow("a", "b", ArrowKind.FLOW, Line(text)),
        Arrow("a", "b", ArrowKind.CUT, None, text),
    )
    return Diagram(text, Style.VARIABLES, boxes, arrows, (text,))


def chain(count: int) -> Diagram:
    """Return `count` boxes in a row with a labelled arrow between each two."""
    boxes = [Box(f"n{i}", BoxKind.OPERATION, f"op {i}") for i in range(count)]
    arrows = [
        Arrow(f"n{i}", f"n{i + 1}", label=Line(f"∂ {i}")) for i in range(count - 1)
    ]
    return Diagram("chain", Style.OPERATIONS, tuple(boxes), tuple(arrows))


def product() -> Diagram:
    """Return u = x · w with a detached copy, inside two scopes, and an update."""
    boxes = (
        Box("v0", BoxKind.INPUT, "x", (Line("3.7"),)),
        Box(
            "v1",
            BoxKind.PARAMETER,
            "w",
            (Line("0.5"), Line("∂ −0.4814")),
            "net.layer",
            tooltip="train.py:12  w\nparameter f32[1]",
        ),
        Box("op0", BoxKind.OPERATION, "*", (Line("u = x * w"),), "net.layer"),
        Box("v2", BoxKind.VALUE, "copy", (), "net"),
        Box("e1", BoxKind.UPDATE, "SGD", (Line("lr 0.1"),)),
    )
    arrows = (
        Arrow("v0", "op0", ArrowKind.DATA),
        Arrow("v1", "op0", ArrowKind.FLOW, Line("∂ −0.4814")),
        Arrow("op0", "v2", ArrowKind.CUT, None, "detach()"),
        Arrow("v1", "e1", ArrowKind.UPDATE),
    )
    notes = ("Modules deeper than 2 are closed.",)
    return Diagram("train.py · step 0", Style.OPERATIONS, boxes, arrows, notes)


def path() -> Diagram:
    """Return w → * → l with the path of ∂l/∂w marked; x and its arrow are beside it."""
    boxes = (
        Box("v0", BoxKind.INPUT, "x"),
        Box("v1", BoxKind.PARAMETER, "w", is_highlighted=True),
        Box("op0", BoxKind.OPERATION, "*", is_highlighted=True),
        Box("v2", BoxKind.ROOT, "l", is_highlighted=True),
    )
    arrows = (
        Arrow("v0", "op0", ArrowKind.DATA),
        Arrow("v1", "op0", label=Line("∂ 3.7"), is_highlighted=True),
        Arrow("op0", "v2", is_highlighted=True),
    )
    return Diagram("path", Style.OPERATIONS, boxes, arrows)
