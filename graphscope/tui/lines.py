"""Lines of text with tones, and how they are cut to cells: what every pane shows.

A tone says what a piece of text *is*; the stylesheet decides its colour. Everything
that came from a recording passes `clean`: it is data, never markup and never an escape
sequence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from rich.cells import cell_len, set_cell_size

from graphscope.render.escape import clean_text

clean = clean_text


class Tone(StrEnum):
    """What a piece of text is; each is a component class of the canvas."""

    PLAIN = "plain"
    TITLE = "title"
    MUTED = "muted"  # less important, always true
    FUTURE = "future"  # its event has not happened yet
    MARK = "mark"  # the marker of the current event
    PARAMETER = "parameter"
    INPUT = "input"
    VALUE = "value"
    GRADIENT = "gradient"
    LOCAL = "local"
    CUT = "cut"
    CODE = "code"
    EXPRESSION = "expression"  # the exact expression in the source
    ERROR = "error"
    PATH = "path"  # what the pinned chain rule goes through
    FRESH = "fresh"  # the factor that the current event fills in
    PAST = "past"  # what is shown is not where the training is


class Band(StrEnum):
    """What lies behind a whole line."""

    NONE = "none"
    CURRENT = "current"
    SELECTED = "selected"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text in one tone, cleaned when it is made; `band` overrides the line's."""

    text: str
    tone: Tone = Tone.PLAIN
    band: Band = Band.NONE

    def __post_init__(self) -> None:
        """Clean the text, wherever it came from."""
        object.__setattr__(self, "text", clean(self.text))


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """One line of a pane."""

    pieces: tuple[Piece, ...] = ()
    band: Band = Band.NONE

    @property
    def text(self) -> str:
        """The characters alone."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def width(self) -> int:
        """How many cells it takes."""
        return cell_len(self.text)


def line(*pieces: Piece | str, band: Band = Band.NONE) -> ScreenLine:
    """Make a line of pieces; bare text is plain."""
    made = tuple(Piece(p) if isinstance(p, str) else p for p in pieces)
    return ScreenLine(tuple(p for p in made if p.text), band)


def pad(text: str, width: int) -> str:
    """Fill `text` up to `width` cells, or cut it with an ellipsis.

    >>> pad("loss", 6), pad("weight_of_layer", 6), pad("重み付き", 6)
    ('loss  ', 'weigh…', '重み… ')
    """
    text = clean(text)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width <= 0:
        return ""
    cut = set_cell_size(text, width - 1).rstrip()
    return set_cell_size(f"{cut}…", width)


def align_point(number: str, width: int, decimals: int = 4) -> str:
    """Put a number's decimal point where the others have it, if it fits.

    >>> [align_point(n, 10) for n in ("3.7", "−0.1301", "14")]
    ['    3.7   ', '   −0.1301', '   14     ']
    """
    whole, point, fraction = number.partition(".")
    after = len(fraction) + len(point)
    right = decimals + 1 - after
    if right < 0 or len(whole) > width - decimals - 1:
        return pad(number, width) if len(number) > width else f"{number:>{width}}"
    return f"{number}{' ' * right}".rjust(width)


def spread(
    left: Sequence[Piece], right: Sequence[Piece], width: int
) -> tuple[ScreenLine, ...]:
    """Put two groups at the two ends of one line, or on two lines when too long."""
    first, second = line(*left), line(*right)
    gap = width - first.width - second.width
    if not second.pieces:
        return (first,)
    if gap < 1:
        return (first, second)
    return (line(*left, " " * gap, *right),)


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells."""

    x: int
    y: int
    width: int
    height: int


class Picture(Protocol):
    """Anything a canvas can show: lines made on demand, and nodes in them."""

    @property
    def width(self) -> int:
        """Cells of the widest line."""

    @property
    def height(self) -> int:
        """How many lines there are."""

    def line_at(self, y: int) -> ScreenLine:
        """Make line number `y`; cost must not depend on `height`."""

    def node_at(self, x: int, y: int) -> int | None:
        """Return the node that is drawn in a cell."""

    def area_of(self, node: int) -> Area | None:
        """Return where a node is drawn."""


@dataclass(frozen=True)
class ListPicture:
    """A picture of lines that were all made beforehand."""

    lines: Sequence[ScreenLine] = ()
    areas: Mapping[int, Area] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Cells of the widest line."""
        return max((found.width for found in self.lines), default=0)

    @property
    def height(self) -> int:
        """How many lines there are."""
        return len(self.lines)

    def line_at(self, y: int) -> ScreenLine:
        """Return line number `y`."""
        return self.lines[y]

    def node_at(self, x: int, y: int) -> int | None:
        """Return the node that is drawn in a cell."""
        for node, area in self.areas.items():
            is_across = area.x <= x < area.x + area.width
            if is_across and area.y <= y < area.y + area.height:
                return node
        return None

    def area_of(self, node: int) -> Area | None:
        """Return where a node is drawn."""
        return self.areas.get(node)


def tone_all(pieces: Sequence[Piece], tone: Tone) -> tuple[Piece, ...]:
    """Give every piece the same tone, as for what has not happened yet."""
    return tuple(replace(piece, tone=tone) for piece in pieces)


def message_picture(text: str, width: int, tone: Tone = Tone.MUTED) -> ListPicture:
    """Show a sentence, wrapped to `width` cells."""
    found: list[ScreenLine] = []
    words: list[str] = []
    for word in clean(text).split():
        if words and cell_len(" ".join([*words, word])) > max(width, 1):
            found.append(line(Piece(" ".join(words), tone)))
            words = []
        words.append(word)
    if words:
        found.append(line(Piece(" ".join(words), tone)))
    return ListPicture(found)
