"""The source pane: the user's file with the current expression and known values.

The text comes from the recording. A path in a recording is never opened.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

from rich.cells import cell_len

from graphscope.model.graph import Event, EventKind
from graphscope.model.numbers import format_observation
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.tui.lines import Area, Band, Piece, ScreenLine, Tone, line, pad
from graphscope.tui.moment import Moment, first_event
from graphscope.tui.outline import Node, Outline, site_of
from graphscope.tui.words import short_text

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LOOKED_AT: Final = 12
_NOTE_SHARE: Final = 0.4
_SHOWN_VALUES: Final = 3
_GAP: Final = 2
_SHORT_NOTE: Final = 8
_TAB: Final = 4


@dataclass(frozen=True, slots=True)
class Focus:
    """What the source pane points at: the event's place and the selected node's."""

    event: Site | None
    selected: Site | None
    follows_event: bool = True

    @property
    def main(self) -> Site | None:
        """The place that is scrolled to."""
        if self.follows_event:
            return self.event or self.selected
        return self.selected or self.event


def find_focus(moment: Moment, outline: Outline, selection: int | None) -> Focus:
    """Return where the current event happened and where the selection was made.

    While an autograd node runs, the place is the expression of its op.
    """
    event = moment.current
    node = outline.find(selection) if selection is not None else None
    follows = selection is None or selection in outline.nodes_of_event(moment.event)
    return Focus(
        _site_of_event(moment, outline, event), _site_of_node(moment, node), follows
    )


def _site_of_event(
    moment: Moment, outline: Outline, event: Event | None
) -> Site | None:
    if event is None:
        return None
    if event.kind in (EventKind.GRAD, EventKind.OP):
        for found in outline.nodes_of_event(event.index):
            site = _site_of_node(moment, outline.nodes[found])
            if site is not None:
                return site
    return event.site


def _site_of_node(moment: Moment, node: Node | None) -> Site | None:
    if node is None:
        return None
    if node.op is not None:
        return moment.graph.ops[node.op].site
    return None if node.value is None else site_of(moment.graph, node.value)


@dataclass(frozen=True)
class SourcePicture:
    """A file; only the lines on the screen are ever written."""

    moment: Moment
    outline: Outline
    file: str
    text: Sequence[str]
    focus: Focus
    pane_width: int

    @cached_property
    def _values(self) -> Mapping[int, tuple[int, ...]]:
        return self.outline.lines_of_file.get(self.file, {})

    @cached_property
    def _gutter(self) -> int:
        return len(str(len(self.text)))

    @property
    def _head(self) -> int:
        return self._gutter + 3

    @cached_property
    def _notes(self) -> Mapping[int, tuple[int, str]]:
        """Line -> where its values begin, and their text; never over the code.

        Values stand under each other, behind the longest code that they fit behind.
        """
        ends = {
            number: self._head + line(*self._code(number)).width + _GAP
            for number in self._values
            if 0 < number <= self.height
        }
        notes = {n: self._note(n, self.pane_width - end) for n, end in ends.items()}
        longest = max(map(cell_len, notes.values()), default=0)
        last = self.pane_width - max(longest, _SHORT_NOTE)
        column = max((end for end in ends.values() if end <= last), default=0)
        return {n: (max(column, ends[n]), note) for n, note in notes.items() if note}

    @cached_property
    def width(self) -> int:
        """Cells of the widest line."""
        longest = max((cell_len(text) for text in self.text), default=0)
        notes = (at + cell_len(note) for at, note in self._notes.values())
        return max(longest + self._head, max(notes, default=0))

    @property
    def height(self) -> int:
        """How many lines the file has."""
        return len(self.text)

    def node_at(self, x: int, y: int) -> int | None:
        """Return the node whose value is made in a line."""
        values = self._values.get(y + 1, ())
        return self.outline.of_value.get(values[-1]) if values and x >= 0 else None

    def area_of(self, node: int) -> Area | None:
        """Return nothing: the pane scrolls by line."""
        del node
        return None

    def line_at(self, y: int) -> ScreenLine:
        """Write one line: marker, number, code, values."""
        number = y + 1
        is_event = self._is_in(self.focus.event, number)
        is_selected = self._is_in(self.focus.selected, number)
        marker = "▶ " if is_event else "› " if is_selected else "  "
        head = [
            Piece(marker, Tone.MARK),
            Piece(f"{number:>{self._gutter}} ", Tone.MUTED),
        ]
        code = self._code(number)
        if number in self._notes:
            at, note = self._notes[number]
            gap = at - self._head - line(*code).width
            code.append(Piece(" " * gap + note, Tone.VALUE))
        return line(*head, *code, band=Band.CURRENT if is_event else Band.NONE)

    def _is_in(self, site: Site | None, number: int) -> bool:
        if site is None or site.file != self.file:
            return False
        return site.line <= number <= site.end_line

    def _code(self, number: int) -> list[Piece]:
        text = self.text[number - 1]
        site = self.focus.selected
        if not self._is_in(site, number):
            site = self.focus.event
        if site is None or not self._is_in(site, number) or site.column < 0:
            return [_code(text, Tone.CODE)]
        start = site.column if number == site.line else 0
        end = site.end_column if number == site.end_line else len(text)
        return [
            _code(text[:start], Tone.CODE),
            _code(text[start:end], Tone.EXPRESSION),
            _code(text[end:], Tone.CODE),
        ]

    def _made(self, number: int) -> Sequence[int]:
        """Return the last few values made in a line up to now."""
        values, graph = self._values.get(number, ()), self.moment.graph
        count = bisect_right(values, self.moment.event, key=partial(first_event, graph))
        return values[max(count - _LOOKED_AT, 0) : count]

    def _note(self, number: int, room: int) -> str:
        """Write as much of a line's values as there is room for, numbers whole."""
        values = self.moment.graph.values
        made = self._made(number)
        named = {values[v].name: v for v in made if values[v].name}
        shown = list(named.values())[-_SHOWN_VALUES:] or list(made[-1:])
        long = self._values_text(shown, format_observation, is_only=len(shown) == 1)
        if cell_len(long) <= min(self.pane_width * _NOTE_SHARE, room):
            return long
        for count in range(len(shown), 0, -1):
            few = shown[-count:]
            short = self._values_text(few, short_text, is_only=len(shown) == 1)
            if cell_len(short) <= room:
                return short
        return ""

    def _values_text(
        self,
        shown: Sequence[int],
        write: Callable[[Observation | None], str],
        *,
        is_only: bool,
    ) -> str:
        parts = []
        for value in shown:
            seen = self.moment.trace.value_of(value)
            if seen is not None:
                name = self.moment.graph.values[value].name or ""
                text = write(seen)
                parts.append(text if is_only else f"{name} {text}")
        return f"⟵ {', '.join(parts)}" if parts else ""


def _code(text: str, tone: Tone) -> Piece:
    return Piece(text.replace("\t", " " * _TAB), tone)


def split_lines(text: str) -> list[str]:
    """Split source text as Python counts lines (not at form feeds or U+2028)."""
    return _LINE_END.split(text)


def show_source(
    moment: Moment, outline: Outline, focus: Focus, *, width: int
) -> SourcePicture | None:
    """Return the file to show, None when its text is not in the recording."""
    site = focus.main
    if site is None or site.file not in moment.trace.sources:
        return None
    lines = split_lines(moment.trace.sources[site.file])
    return SourcePicture(moment, outline, site.file, lines, focus, width)


def why_no_source(focus: Focus) -> str:
    """Say why there is nothing to show."""
    if focus.main is None:
        return "Nothing here comes from a line of your own files."
    where = pad(focus.main.short, 60).rstrip()
    return f"The text of {where} is not in the recording."
