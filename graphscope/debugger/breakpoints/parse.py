"""Reads a breakpoint's text: `PLACE [if CONDITION] [hit N] [ignore N]`."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from graphscope.debugger.breakpoints.pattern import Pattern
from graphscope.debugger.breakpoints.places import PHASES, Place, PlaceKind
from graphscope.debugger.expressions.expression import (
    Expression,
    find_unknown,
    read_expression,
)
from graphscope.debugger.expressions.filters import FILTERS
from graphscope.debugger.expressions.mistakes import (
    Mistake,
    check_characters,
    nearest_of,
    quoted,
)
from graphscope.debugger.expressions.numbers import NUMBERS
from graphscope.debugger.expressions.words import CONSTANTS, TRUTHS

MAX_LENGTH: Final = 600
"""Most characters of a breakpoint."""
MAX_COUNT: Final = 1_000_000_000
"""Most that may follow `hit` and `ignore`."""

KINDS: Final = tuple(kind for kind in PlaceKind if kind is not PlaceKind.ANY)

_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_MASK: Final = "\N{REPLACEMENT CHARACTER}"  # stands for each character in quotes
_COUNT: Final = re.compile(r"(?<=\S)\s+(hit|ignore)\s+(\d+)$")
_NO_COUNT: Final = re.compile(rf"(?<=[\w)\].{_MASK}])\s+(hit|ignore)(?:\s+([\w.-]+))?$")
_IF: Final = re.compile(r"(?:^|(?<=\s))if(?=\s|$)")
_KIND: Final = re.compile(r"([^\W\d]\w*)\s*:")
_LINE: Final = re.compile(r"(?:(.*\S):)?\s*(\d{1,9})")
_WORD: Final = re.compile(rf"(?:[\w.*?]|\[[\w!-]+\])+|{_MASK}+")
_NUMBER: Final = re.compile(r"[\d_.]+(?:[eE]\d+)?")


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where to pause, and when.

    Attributes:
        text: As the user wrote it.
        place: None when the condition alone decides.
        condition: None when the place alone decides.
        hit: Which time pauses; 0 for each.
        ignore: How many times pass before.
        condition_start: Where in the text the condition begins.
    """

    text: str
    place: Place | None = None
    condition: Expression | None = None
    hit: int = 0
    ignore: int = 0
    condition_start: int = 0

    def pauses_at(self, hits: int) -> bool:
        """Whether it pauses when everything holds for the `hits`-th time."""
        count = hits - self.ignore
        return count == self.hit if self.hit else count > 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the text, and the same with what is in quotes masked."""

    text: str
    masked: str
    start: int

    def cut(self, start: int, end: int | None = None) -> "_Piece":
        """Return a part of it, without spaces around."""
        masked = self.masked[start:end].rstrip()
        stripped = masked.lstrip()
        start += len(masked) - len(stripped)
        text = self.text[start : start + len(stripped)]
        return _Piece(text, stripped, self.start + start)


def parse_breakpoint(text: str) -> Breakpoint:
    """Read a breakpoint.

    Raises:
        DebuggerError: It is none: with a caret under the mistake.
    """
    try:
        return _parse(text)
    except Mistake as mistake:
        raise mistake.in_text(text) from None


def check_breakpoint(breakpoint_: Breakpoint, known: Collection[str]) -> None:
    """Refuse a breakpoint whose condition mentions a name that no value has.

    Args:
        breakpoint_: What to check.
        known: All names of a step.

    Raises:
        DebuggerError: With a caret under the name, and the nearest names.
    """
    if breakpoint_.condition is None:
        return
    mistake = find_unknown(breakpoint_.condition, known)
    if mistake is not None:
        raise mistake.moved(breakpoint_.condition_start).in_text(breakpoint_.text)


def _parse(text: str) -> Breakpoint:
    if len(text) > MAX_LENGTH:
        raise Mistake(f"A breakpoint has at most {MAX_LENGTH} characters.", MAX_LENGTH)
    check_characters(text)
    masked = _QUOTED.sub(lambda found: _MASK * len(found.group()), text)
    rest, counts = _take_counts(_Piece(text, masked, 0).cut(0))
    if not rest.text:
        raise Mistake("A place or a condition is missing.", rest.start)
    where, when = _split(rest)
    return Breakpoint(
        text.strip(),
        _read_place(where) if where is not None else None,
        _read_condition(when) if when is not None else None,
        counts.get("hit", 0),
        counts.get("ignore", 0),
        when.start - (len(text) - len(text.lstrip())) if when is not None else 0,
    )


def _take_counts(piece: _Piece) -> tuple[_Piece, dict[str, int]]:
    """Take `hit N` and `ignore N` from the end, in any order."""
    counts: dict[str, int] = {}
    while found := _COUNT.search(piece.masked):
        word, number = found.group(1), found.group(2)
        if word in counts:
            raise Mistake(f"'{word}' stands here twice.", piece.start + found.start(1))
        if len(number) > len(str(MAX_COUNT)) or not 1 <= int(number) <= MAX_COUNT:
            raise Mistake(
                f"After '{word}' stands a number from 1 to {MAX_COUNT:,}.",
                piece.start + found.start(2),
            )
        counts[word] = int(number)
        piece = piece.cut(0, found.start())
    wrong = _NO_COUNT.search(piece.masked)
    if wrong:
        where = wrong.start(2) if wrong.group(2) else wrong.end()
        raise Mistake(
            f"After '{wrong.group(1)}' stands a whole number.", piece.start + where
        )
    return piece, counts


def _split(piece: _Piece) -> tuple[_Piece | None, _Piece | None]:
    """Return the place and the condition, one of which may be missing."""
    found = _IF.search(piece.masked)
    if not found:
        return (piece, None) if _is_place(piece) else (None, piece)
    where, when = piece.cut(0, found.start()), piece.cut(found.end())
    if not when.text:
        end = piece.start + found.end()
        raise Mistake("A condition is missing after 'if'.", end)
    if not where.text:
        return None, when
    if _is_condition(where.text):
        raise Mistake(
            f"{quoted(where.text)} is a condition: join it to the other with 'and'.",
            where.start,
        )
    return where, when


def _is_place(piece: _Piece) -> bool:
    if ":" in piece.masked:
        return True  # no expression has one
    return bool(_WORD.fullmatch(piece.masked)) and not _is_condition(piece.text)


def _is_condition(word: str) -> bool:
    """Whether a single word is true or false, and so no place."""
    if word in FILTERS or word in TRUTHS or word in CONSTANTS:
        return True
    stem, _, last = word.rpartition(".")
    return bool(stem and last in NUMBERS) or bool(_NUMBER.fullmatch(word))


def _read_condition(piece: _Piece) -> Expression:
    try:
        return read_expression(piece.text)
    except Mistake as mistake:
        raise mistake.moved(piece.start) from None


def _read_place(piece: _Piece) -> Place:
    head = _KIND.match(piece.masked)
    if head and head.group(1) in KINDS:
        kind, name = PlaceKind(head.group(1)), piece.cut(head.end())
        if not name.text:
            raise Mistake(f"A name is missing after '{kind.value}:'.", name.start)
        return _read_line(name) if kind is PlaceKind.LINE else _read_name(kind, name)
    if ":" not in piece.masked:
        return _read_name(PlaceKind.ANY, piece)
    if head and not _LINE.fullmatch(piece.text):
        near = nearest_of(head.group(1), KINDS)
        raise Mistake(
            f"There is no kind of place {quoted(head.group(1))}.{near}", piece.start
        )
    return _read_line(piece)


def _read_name(kind: PlaceKind, piece: _Piece) -> Place:
    is_quoted = set(piece.masked) == {_MASK} and len(_QUOTED.findall(piece.text)) == 1
    text = piece.text[1:-1] if is_quoted else piece.text
    if not text.strip():
        raise Mistake("A name is missing between the quotes.", piece.start)
    wrong = re.search(r"[\s'\"<>=(),:]", text) if not is_quoted else None
    if wrong:
        raise Mistake(
            "A place is one word; write a name with other characters in quotes.",
            piece.start + wrong.start(),
        )
    if kind is PlaceKind.PHASE and text not in PHASES:
        near = nearest_of(text, PHASES)
        raise Mistake(f"There is no phase {quoted(text)}.{near}", piece.start)
    return Place(kind, Pattern(text, is_exact=is_quoted))


def _read_line(piece: _Piece) -> Place:
    is_quoted = set(piece.masked) == {_MASK}
    text, start = piece.text, piece.start
    if is_quoted:
        text, start = text[1:-1], start + 1
    found = _LINE.fullmatch(text)
    if not found or not int(found.group(2)):
        where = start + len(text.rpartition(":")[0]) + (":" in text)
        raise Mistake("A line is FILE:NUMBER, such as train.py:41.", where)
    file = found.group(1) or ""
    if file[:1] in {"'", '"'} and file[-1:] == file[:1]:
        file = file[1:-1]
    return Place(PlaceKind.LINE, Pattern(file, is_exact=True), int(found.group(2)))
