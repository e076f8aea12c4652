"""The seeing half of the live UI: hears where training is, and follows it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import PurePath
from time import monotonic
from typing import Final

from textual import on
from textual.timer import Timer
from textual.widget import Widget

from graphscope.storage.memory import MemoryRecording
from graphscope.tui.feed import Feed
from graphscope.tui.lines import ScreenLine, clean, line
from graphscope.tui.live.badge import draw_badge, draw_seat
from graphscope.tui.live.link import ChildLike, SessionSource
from graphscope.tui.live.messages import NewsCame
from graphscope.tui.live.roster import Roster
from graphscope.tui.live.seat_view import SeatView
from graphscope.tui.live.switchboard import News, Switchboard
from graphscope.tui.navigation import NavigatingApp
from graphscope.tui.painting import Bar
from graphscope.tui.session_view import SessionView
from graphscope.tui.state import Position

_POLL_S: Final = 0.25
_SOON_S: Final = 0.03  # when the recording is behind what was told
_RUNNING_S: Final = 0.1  # after which it is shown that training runs
_LAST_WORDS_S: Final = 1.0  # that a process may take to say itself how it ended
_KILLED: Final = "its process was killed"  # or has left without a word
MOST_SEATS: Final = 9  # that have a key and a line of their own


class WatchingApp(NavigatingApp, inherit_bindings=False):
    """Shows where training is, and what it did until then; abstract.

    Threads: lives on the main thread; the switchboard's threads post messages.

    Attributes:
        roster: The processes and their threads.
        switchboard: The connections to them.
    """

    def __init__(
        self, source: SessionSource, *, title: str, child: ChildLike | None
    ) -> None:
        title = PurePath(title).name or title
        waiting = f"Starting {title} …" if child else f"Connecting to {title} …"
        session = SessionView(Feed(MemoryRecording(())), clean(title), if_empty=waiting)
        super().__init__(session, title)
        self.roster = Roster(clean(title))
        self.switchboard = Switchboard(source, self._report_news)
        self._child = child
        self._gone_at: float | None = None
        self._timer: Timer | None = None

    def compose_bars(self) -> Sequence[Widget]:
        """Return the lines that say what the training and its threads do."""
        bars = [Bar(self._badge_line, bar_id="state")]
        for number in range(MOST_SEATS):
            bars.append(Bar(self._seat_line(number), bar_id=f"seat-{number}"))
            bars[-1].display = False
        return bars

    def on_mount(self) -> None:
        self.query_one("#graph").focus()
        self.go(self.position)
        self.set_interval(_POLL_S, self._poll)
        self.switchboard.start()

    def on_unmount(self) -> None:
        self.switchboard.close()
        self.roster.close()

    # --- the bars

    def _badge_line(self, width: int) -> ScreenLine:
        return draw_badge(self.roster, width)

    def _seat_line(self, number: int) -> Callable[[int], ScreenLine]:
        def draw(width: int) -> ScreenLine:
            seats = self.roster.seats
            if number >= len(seats):
                return line()
            return draw_seat(self.roster, seats[number], width)

        return draw

    def _list_seats(self) -> None:
        """Give each seat a line, where there is more than one."""
        count = len(self.roster.seats)
        for number in range(MOST_SEATS):
            bar = self.query_one(f"#seat-{number}")
            bar.display = count > 1 and number < count

    def refresh_bars(self) -> None:
        """Draw the lines above and below the panes."""
        self._list_seats()
        super().refresh_bars()

    # --- news

    def _report_news(self) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self.post_message(NewsCame())

    @on(NewsCame)
    def _take_news(self) -> None:
        news = self.switchboard.take()
        self._note(news)
        seat = self.roster.current
        if not (news.states or news.joined or news.lost):
            pass  # answers only: a picture now would hold up the one that comes
        elif seat is None or seat.is_paused or seat.is_over:
            self._look()
        else:
            self._look_soon()
        for reply in news.replies:
            reply.then(reply.text, reply.is_refusal)

    def _note(self, news: News) -> None:
        for key, is_controller in news.joined.items():
            self.roster.join(key, is_controller=is_controller)
        for key, state in news.states.items():
            self.roster.hear(key, state)
        for key, reason in news.lost.items():
            self.roster.lose(key, reason)

    def _look_soon(self, delay_s: float = _RUNNING_S) -> None:
        """Look in a moment, once, however often that is asked for.

        Where training runs it may have paused again by then.
        """
        if self._timer is None:
            self._timer = self.set_timer(delay_s, self._look)

    def _look(self) -> None:
        """Show what is new of the current seat, and the lines in any case."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if not self._follow() and self.query("#graph"):
            self.refresh_bars()

    def _follow(self) -> bool:
        """Show what is new of the current seat, if anything is."""
        seat = self.roster.current
        if seat is None or not self.query("#graph"):  # the screen is being taken down
            return False
        is_changed = seat.look() or self.session is not seat.session
        if is_changed:
            self._put_on_screen(seat)
        if seat.is_due:
            self._look_soon(_SOON_S)
        return is_changed

    def _put_on_screen(self, seat: SeatView) -> None:
        self.session = seat.session
        self.show()

    def show_seat(self) -> None:
        """Show the seat that was chosen, where it was left."""
        seat = self.roster.current
        if seat is not None:
            seat.look()
            self._put_on_screen(seat)

    def _poll(self) -> None:
        self._look_after_child()
        self._look_after_lost()
        self._follow()

    def _look_after_child(self) -> None:
        """Say how the script ended when it cannot say so itself."""
        child = self._child
        code = None if child is None else child.poll()
        if child is None or code is None:
            return
        if self._gone_at is None:
            self._gone_at = monotonic()
        is_silent = not self.switchboard.connected
        if is_silent or monotonic() - self._gone_at > _LAST_WORDS_S:
            how = child.describe_end()
            if self.roster.note_end(child.pid, how, is_failed=code != 0):
                self._look()
                self.note_early_end()

    def _look_after_lost(self) -> None:
        """Say that a process which somebody else has started was killed."""
        for process in self.roster.processes.values():
            if self._child is not None or process.is_over or not process.lost:
                continue
            mine = [s for s in self.roster.seats if s.process == process.key]
            if any(seat.was_killed for seat in mine):
                self.roster.note_end(process.state.pid, _KILLED, is_failed=True)
                self._look()

    def note_early_end(self) -> None:
        """Do what helps when the script ended before it could be connected to."""

    # --- moving

    def go(self, position: Position, *, follow: bool = True) -> None:
        """Go to another place; from then on the view may be one of the past."""
        self.session.go(position, follow=follow)
        seat = self.roster.current
        if seat is not None:
            seat.note_move()
        self.show()

    def go_now(self) -> None:
        """Come back to the present."""
        seat = self.roster.current
        if seat is not None:
            seat.look()
            seat.go_now()
            self._put_on_screen(seat)
