"""The lines of the breakpoints and of the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.debugger.state import BreakpointState
from graphscope.tui.lines import (
    Area,
    Band,
    ListPicture,
    Piece,
    ScreenLine,
    Tone,
    line,
    pad,
)

_MAX_TEXT = 60
_HINT = (
    " No breakpoints: a adds one here, such as   b if grad.l2 > 1e3   or   train.py:41"
)


def picture_breakpoints(
    states: Sequence[BreakpointState], cursor: int | None, width: int
) -> ListPicture:
    """Write one line for each breakpoint."""
    if not states:
        return ListPicture([line(Piece(_HINT, Tone.MUTED))])
    longest = max(line(state.text).width for state in states)
    room = min(longest, _MAX_TEXT, max(width - 24, 16))
    return ListPicture(
        [
            _breakpoint(state, room, is_chosen=position == cursor)
            for position, state in enumerate(states)
        ]
    )


def _breakpoint(state: BreakpointState, room: int, *, is_chosen: bool) -> ScreenLine:
    sign, word = ("●", "") if state.is_enabled else ("○", "  off")
    tone = Tone.PLAIN if state.is_enabled else Tone.FUTURE
    times = "once" if state.hits == 1 else f"{state.hits} times"
    hits = f"  hit {times}" if state.hits else "  not hit yet"
    once = "  goes away when hit" if state.is_once else ""
    return line(
        Piece(f" {sign} {state.number:>2}  ", Tone.MARK if state.is_enabled else tone),
        Piece(pad(state.text, room), tone),
        Piece(f"{hits}{once}{word}", Tone.MUTED),
        Piece(f"  {state.problem}" if state.problem else "", Tone.ERROR),
        band=Band.SELECTED if is_chosen else Band.NONE,
    )


@dataclass(frozen=True, slots=True)
class LogPicture:
    """Lines of text, made into pieces only where they are on the screen."""

    texts: Sequence[str]
    is_cut: bool = False

    @property
    def width(self) -> int:
        """Cells of the widest line, if none has wide characters."""
        return max(map(len, self.texts), default=0)

    @property
    def height(self) -> int:
        """How many lines there are."""
        return len(self.texts) + self.is_cut

    def line_at(self, y: int) -> ScreenLine:
        """Write one line."""
        if self.is_cut and y == 0:
            return line(Piece("… earlier lines are in the file", Tone.MUTED))
        return line(Piece(self.texts[y - self.is_cut], Tone.CODE))

    def node_at(self, x: int, y: int) -> int | None:
        """Return nothing: there are no nodes."""
        del x, y
        return None

    def area_of(self, node: int) -> Area | None:
        """Return nothing: there are no nodes."""
        del node
        return None
