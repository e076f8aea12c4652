"""A sparse sheet of terminal cells that text is written on, and the spans on it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from graphscope.diagram.layout import Rect
from graphscope.render.text.cells import char_width
from graphscope.render.text.picture import Span, SpanKind, TextPicture

_TAIL = ""  # the second cell of a wide character


class Canvas:
    """Cells with a character and a tag each; later writing covers earlier writing."""

    def __init__(self) -> None:
        self._rows: defaultdict[int, dict[int, tuple[str, Span]]] = defaultdict(dict)

    def write(self, at: tuple[int, int], text: str, tag: Span) -> int:
        """Write text from cell `(column, row)` on; return the column after it.

        Only what the tag stands for matters, not its positions.
        """
        column, row = at
        cells = self._rows[row]
        for char in text:
            width = char_width(char)
            if not width:  # joins the character before it
                before = column - 1
                while before in cells and cells[before][0] == _TAIL:
                    before -= 1
                if before in cells:
                    cells[before] = (cells[before][0] + char, cells[before][1])
                continue
            cells[column] = (char, tag)
            if width > 1:
                cells[column + 1] = (_TAIL, tag)
            column += width
        return column

    def picture(self, height: int, regions: Mapping[str, Rect]) -> TextPicture:
        """Return what was written as a picture of `height` lines."""
        rows = [self._rows.get(row, {}) for row in range(height)]
        return TextPicture(
            lines=tuple(_line(cells) for cells in rows),
            regions=dict(regions),
            spans=tuple(_spans(cells) for cells in rows),
        )


def tag(
    kind: SpanKind,
    box: str | None = None,
    *,
    arrow: int | None = None,
    event: int | None = None,
) -> Span:
    """Return a span without positions, to write with."""
    return Span(0, 0, kind, box, arrow, event)


def _line(cells: Mapping[int, tuple[str, Span]]) -> str:
    width = max(cells, default=-1) + 1
    return "".join(cells[c][0] if c in cells else " " for c in range(width)).rstrip()


def _spans(cells: Mapping[int, tuple[str, Span]]) -> tuple[Span, ...]:
    columns = sorted(cells)
    # Cells in a row have the same difference between column and position.
    keyed = [(cells[c][1], c - i) for i, c in enumerate(columns)]
    spans: list[Span] = []
    for _, group in groupby(range(len(columns)), key=lambda i: keyed[i]):
        run: Sequence[int] = list(group)
        start, stop = columns[run[0]], columns[run[-1]] + 1
        spans.append(replace(keyed[run[0]][0], start=start, end=stop))
    return tuple(spans)
