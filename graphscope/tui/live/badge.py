"""The lines that say what the training does, and whether the screen shows its present.

Both in words and in colour, so that neither alone is needed.
"""

from collections.abc import Sequence

from graphscope.debugger.state import Activity
from graphscope.tui.lines import Band, Piece, ScreenLine, Tone, line, pad
from graphscope.tui.live.roster import Process, Roster
from graphscope.tui.live.seat_view import SeatView

_ENDED = "■ ended: "
_FAILED = "✗ ended: "


def draw_badge(roster: Roster, width: int) -> ScreenLine:
    """Write what the training does, and at the right which time is shown."""
    seat, process = roster.current, roster.process
    if roster.early_end:
        sign, tone = (
            (_FAILED, Tone.ERROR) if roster.has_failed_early else (_ENDED, Tone.TITLE)
        )
        return line(Piece(f" {sign}{roster.early_end}", tone))
    if seat is None or process is None:
        return line(Piece(" ◌ starting ", Tone.MUTED), Piece(roster.title), " …")
    when = _when(seat, process)
    room = width - sum(line(piece).width for piece in when) - 2
    left = line(*_activity(roster, seat))
    if left.width > room:
        left = line(*_cut(left.pieces, room))
    gap = " " * max(width - left.width - sum(line(p).width for p in when) - 2, 1)
    band = Band.NONE if process.is_over or seat.is_at_now else Band.PAST
    return line(" ", *left.pieces, gap, *when, " ", band=band)


def _cut(pieces: Sequence[Piece], room: int) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        if line(piece).width >= room:
            return [*found, Piece(pad(piece.text, max(room, 0)), piece.tone)]
        found.append(piece)
        room -= line(piece).width
    return found


def _activity(roster: Roster, seat: SeatView) -> list[Piece]:
    process = roster.processes[seat.process]
    found = _ending(process) or _doing(roster, seat)
    if process.lost and not process.is_over:
        lost = f"✗ connection lost: {process.lost}"
        return [Piece(lost, Tone.ERROR)]
    if not process.is_controller and not process.is_over:
        found.append(Piece("  (another debugger has control)", Tone.MUTED))
    return found


def _ending(process: Process) -> list[Piece]:
    state = process.state
    if not state.ending:
        return []
    if state.is_failed:
        return [Piece(f"{_FAILED}{state.ending}", Tone.ERROR)]
    is_said = state.ending.startswith("stopped")
    return [Piece(f"{'■ ' if is_said else _ENDED}{state.ending}", Tone.TITLE)]


def _doing(roster: Roster, seat: SeatView) -> list[Piece]:
    state = seat.state
    if state.activity is Activity.PAUSED:
        reason = state.reason or "paused"
        words = "⏸ paused" if reason == "paused" else f"⏸ paused · {reason}"
        problem = [Piece(f" · {state.problem}", Tone.ERROR)] if state.problem else []
        where = [Piece(f"  {state.site}", Tone.MUTED)] if state.site else []
        return [Piece(words, Tone.MARK), *problem, *where]
    if state.activity is Activity.WAITING:
        who = _who_is_paused(roster, seat)
        return [Piece(f"◷ waits in {state.waits_in}{who}", Tone.LOCAL)]
    if state.activity is Activity.ENDED:
        return [Piece("■ this thread has ended", Tone.TITLE)]
    if state.activity is Activity.STARTING:
        return [Piece("▶ running · nothing recorded yet", Tone.INPUT)]
    return [Piece(f"▶ running · step {_newest(seat)}", Tone.INPUT)]


def _newest(seat: SeatView) -> int:
    """Return the step that training is in: told now and then, or recorded since."""
    numbers = seat.session.numbers
    is_running = not seat.is_paused and len(numbers) > 0
    return max(seat.state.step, numbers[-1]) if is_running else seat.state.step


def _who_is_paused(roster: Roster, seat: SeatView) -> str:
    """Say why a wait may not end: whoever it waits for may be paused."""
    others = [s for s in roster.seats if s is not seat and s.is_paused]
    names = ", ".join(roster.name_of(other) for other in others)
    verb = "is" if len(others) == 1 else "are"
    return f" · {names} {verb} paused" if others else ""


def _when(seat: SeatView, process: Process) -> list[Piece]:
    if process.is_over or seat.is_over:
        return []
    if seat.is_at_now:
        return [Piece("NOW", Tone.INPUT)]
    state, session = seat.state, seat.session
    if session.number == state.step and seat.is_paused:
        here, now = f"event {session.position.event + 1}", f"event {state.event + 1}"
    else:
        here, now = f"step {session.number}", f"step {_newest(seat)}"
    return [Piece("PAST", Tone.PAST), Piece(f" · {here}, now is {now}", Tone.MARK)]


def draw_seat(roster: Roster, seat: SeatView, width: int) -> ScreenLine:
    """Write one line of the list of threads."""
    process = roster.processes[seat.process]
    number = roster.seats.index(seat) + 1
    is_current = seat is roster.current
    mark = Piece(f" {'▸' if is_current else ' '} {number} ", Tone.MARK)
    name = Piece(roster.name_of(seat), Tone.TITLE if is_current else Tone.PLAIN)
    doing = _ending(process) or _doing(roster, seat)
    if process.lost and not process.is_over:
        doing = [Piece("✗ connection lost", Tone.ERROR)]
    pieces = [mark, name, Piece(" · ", Tone.MUTED), *doing]
    return line(*_cut(pieces, width))
