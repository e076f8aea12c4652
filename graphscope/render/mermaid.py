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
from graphscope.diagram.palette import ARROW_PAINT, BACKGROUND, NOTE_TEXT, PALETTE
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
    members: defaultdict[BoxKind, list[str]] = defaultdict(list)
    for box in diagram.boxes:
        members[box.kind].append(ids[box.id])
    lines: list[str] = []
    for kind, nodes in members.items():
        paint = PALETTE[kind]
        colours = f"fill:{paint.fill},stroke:{paint.stroke},color:{paint.text}"
        lines.append(f"classDef {kind.value} {colours}")
        lines.append(f"class {','.join(nodes)} {kind.value}")
    if diagram.notes:
        notes = ",".join(f"note{i}" for i in range(len(diagram.notes)))
        lines.append(f"classDef note fill:{BACKGROUND},stroke:none,color:{NOTE_TEXT}")
        lines.append(f"class {notes} note")
    links: defaultdict[ArrowKind, list[str]] = defaultdict(list)
    for index, arrow in enumerate(diagram.arrows):
        links[arrow.kind].append(str(index))
    lines.extend(
        f"linkStyle {','.join(indices)} stroke:{ARROW_PAINT[kind].stroke}"
        for kind, indices in links.items()
    )
    return lines
