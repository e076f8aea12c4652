"""A diagram as Mermaid source, for README files and wikis.

Mermaid reads labels as HTML and as Markdown. Inside of quotes it decodes `#NN;` to
the character with that number after both, so all punctuation is written that way.

Source: https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
"""

import json
import re
from collections import defaultdict
from typing import Final

from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Diagram
from graphscope.diagram.palette import (
    BACKGROUND,
    HIGHLIGHT,
    NOTE_TEXT,
    PALETTE,
    paint_arrow,
    paint_box,
)
from graphscope.render.escape import clean_text

_PUNCTUATION: Final = re.compile(r"(?<!\d)\.|\.(?!\d)|[!-+:-<>-@\[-`{-~]|(?<!\d)-")

_SHAPES: Final = {
    BoxKind.PARAMETER: ("([", "])"),
    BoxKind.BUFFER: ("([", "])"),
    BoxKind.INPUT: ("([", "])"),
    BoxKind.CONSTANT: ("((", "))"),
    BoxKind.ROOT: ("{{", "}}"),
    BoxKind.MODULE: ("[[", "]]"),
}
_PLAIN_SHAPE: Final = ("[", "]")

_LINKS: Final = {
    ArrowKind.FLOW: "-->",
    ArrowKind.DATA: "-->",
    ArrowKind.CUT: "-.->",
    ArrowKind.UPDATE: "-.->",
}


_ON_PATH: Final = "onPath"
_PATH_LINE: Final = "stroke-width:4px"


def to_mermaid(diagram: Diagram) -> str:
    """Return the diagram as a Mermaid flowchart."""
    ids = {box.id: f"b{index}" for index, box in enumerate(diagram.boxes)}
    lines = [
        "---",
        f"title: {json.dumps(clean_text(diagram.title), ensure_ascii=False)}",
        "---",
        "flowchart TD",
        *(f"  {_box(ids[box.id], box)}" for box in diagram.boxes),
        *(f"  {_arrow(ids, arrow)}" for arrow in diagram.arrows),
        *(f'  note{i}["{escape_label(n)}"]' for i, n in enumerate(diagram.notes)),
        *(f"  {line}" for line in _styles(diagram, ids)),
    ]
    return "\n".join(lines) + "\n"


def escape_label(text: str) -> str:
    """Write text so that Mermaid shows exactly that text.

    >>> escape_label('a|{b}"'), escape_label("z = 1.9")
    ('a#124;#123;b#125;#34;', 'z = 1.9')
    """
    return _PUNCTUATION.sub(lambda found: f"#{ord(found[0])};", clean_text(text))


def _box(node: str, box: Box) -> str:
    opening, closing = _SHAPES.get(box.kind, _PLAIN_SHAPE)
    texts = (box.title, *(line.text for line in box.lines))
    label = "<br/>".join(escape_label(text) for text in texts)
    return f'{node}{opening}"{label or " "}"{closing}'


def _arrow(ids: dict[str, str], arrow: Arrow) -> str:
    texts = [arrow.reason, arrow.label.text if arrow.label else ""]
    label = "<br/>".join(escape_label(text) for text in texts if text)
    link = _LINKS[arrow.kind] + (f'|"{label}"|' if label else "")
    return f"{ids[arrow.source]} {link} {ids[arrow.target]}"


def _styles(diagram: Diagram, ids: dict[str, str]) -> list[str]:
    has_highlight = diagram.has_highlight
    members: defaultdict[str, list[str]] = defaultdict(list)
    looks: dict[str, str] = {}
    for box in diagram.boxes:
        is_pale = has_highlight and not box.is_highlighted
        # What is on the path keeps the colours of its kind, under a heavier line.
        paint = paint_box(box, has_highlight=True) if is_pale else PALETTE[box.kind]
        name = f"{box.kind.value}{'Pale' if is_pale else ''}"
        looks[name] = f"fill:{paint.fill},stroke:{paint.stroke},color:{paint.text}"
        members[name].append(ids[box.id])
        if box.is_highlighted:
            members[_ON_PATH].append(ids[box.id])
    looks |= {_ON_PATH: f"stroke:{HIGHLIGHT.stroke},{_PATH_LINE}"}
    lines: list[str] = []
    for name in [*(n for n in members if n != _ON_PATH), _ON_PATH]:
        if members[name]:
            lines.append(f"classDef {name} {looks[name]}")
            lines.append(f"class {','.join(members[name])} {name}")
    if diagram.notes:
        notes = ",".join(f"note{i}" for i in range(len(diagram.notes)))
        lines.append(f"classDef note fill:{BACKGROUND},stroke:none,color:{NOTE_TEXT}")
        lines.append(f"class {notes} note")
    return [*lines, *_link_styles(diagram)]


def _link_styles(diagram: Diagram) -> list[str]:
    has_highlight = diagram.has_highlight
    links: defaultdict[str, list[str]] = defaultdict(list)
    for index, arrow in enumerate(diagram.arrows):
        stroke = paint_arrow(arrow, has_highlight=has_highlight).stroke
        width = f",{_PATH_LINE}" if arrow.is_highlighted else ""
        links[f"stroke:{stroke}{width}"].append(str(index))
    return [f"linkStyle {','.join(found)} {look}" for look, found in links.items()]
