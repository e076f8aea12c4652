"""One recorded thread on the screen: its recording, and whether the view follows it.

The present is where the debugged process says that the thread is; what is seen of it
is read from the recording, which may be a moment behind.
"""

from bisect import bisect_left
from dataclasses import replace
from typing import Final

from graphscope.debugger.state import Activity, SeatState
from graphscope.errors import RecordingError
from graphscope.storage.ending import Ending
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.memory import MemoryRecording
from graphscope.tui.feed import Feed
from graphscope.tui.session_view import SessionView
from graphscope.tui.state import LAST, Position

NOTHING_YET: Final = "Nothing has been recorded yet."


class SeatView:
    """A thread's state, session and place.

    Attributes:
        process: The key of its process.
        state: What it does.
        session: What the screen shows of it; another one once its recording is there.
        is_following: Whether the view goes along with the training.
    """

    def __init__(self, process: str, state: SeatState, title: str) -> None:
        self.process = process
        self.state = state
        self.is_following = True
        self._title = title
        self._recording: FileRecording | None = None
        self._is_due = True
        self._has_failed = False
        self.session = SessionView(
            Feed(MemoryRecording(())), title, if_empty=NOTHING_YET
        )

    def close(self) -> None:
        """Close its recording."""
        if self._recording is not None:
            self._recording.close()

    @property
    def is_paused(self) -> bool:
        """Whether it waits for the user."""
        return self.state.activity is Activity.PAUSED

    @property
    def has_begun(self) -> bool:
        """Whether the thread has recorded anything."""
        return self.is_paused or self.state.step > 0 or self.session.feed.steps > 0

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state.activity is Activity.ENDED

    @property
    def was_killed(self) -> bool:
        """Whether nobody writes the recording any more, and nobody has closed it."""
        recording = self._recording
        return recording is not None and recording.ending is Ending.KILLED

    @property
    def is_at_now(self) -> bool:
        """Whether the screen shows where the training is."""
        if not self.is_paused:
            return self.is_following
        event = min(max(self.state.event, 0), self.session.events - 1)
        here = self.session.number, self.session.position.event
        return here == (self.state.step, event)

    @property
    def is_due(self) -> bool:
        """Whether the present is still to be shown: the recording is behind."""
        return self._is_due and (self.is_paused or self.is_over)

    def hear(self, state: SeatState, *, has_failed: bool = False) -> None:
        """Take note of what the thread does now; a pause or exception must be shown."""
        # That the thread has ended is told first, and then that its script has failed.
        is_news = _place(state) != _place(self.state) or has_failed != self._has_failed
        self.state, self._has_failed = state, has_failed
        is_shown_anyway = self.is_paused or (self.is_over and self.is_following)
        if is_news and (is_shown_anyway or has_failed):
            self._is_due = self.is_following = True
        is_before = self.is_paused and state.is_before
        self.session.about_to_run = (state.step, state.event) if is_before else None

    def look(self) -> bool:
        """Read what is new, and follow it; whether there is something to draw."""
        is_changed = self._open() or self.session.refresh()
        if self.is_due:
            self.go_now()
            return True
        if is_changed and self.is_following and not self.is_paused:
            self.go_now()
        return is_changed

    def _open(self) -> bool:
        """Open the recording as soon as there is one."""
        if self._recording is not None or not self.state.recording:
            return False
        try:
            self._recording = open_recording(self.state.recording)
        except RecordingError:
            return False
        about_to_run, place = self.session.about_to_run, self.session.position
        self.session = SessionView(
            Feed(self._recording), self._title, if_empty=NOTHING_YET
        )
        self.session.about_to_run = about_to_run
        self.session.go(replace(place, step=0, event=0), follow=True)
        return True

    def go_now(self) -> None:
        """Show the present: the event of the pause, or the newest step."""
        self.is_following = True
        if not self.is_paused:
            self._is_due = False
            if self._has_failed:
                self.session.go_to_end()
            else:
                self._go_to_newest()
            return
        numbers, state = self.session.numbers, self.state
        step = min(bisect_left(numbers, state.step), max(len(numbers) - 1, 0))
        event = max(state.event, 0) if state.step in numbers[step:][:1] else LAST
        self._go(replace(self._position, step=step, event=event), follow=True)
        self._is_due = not self._has_arrived(event)

    def _has_arrived(self, event: int) -> bool:
        if self.state.event < 0:  # in front of the first one
            return True
        session = self.session
        return session.number == self.state.step and session.position.event == event

    def _go_to_newest(self) -> None:
        """Show the newest step as far as it is known, and stay at the same node."""
        step = max(self.session.steps - 1, 0)
        self._go(replace(self._position, step=step), follow=False)
        self._go(replace(self._position, event=LAST), follow=False)

    @property
    def _position(self) -> Position:
        return self.session.position

    def _go(self, position: Position, *, follow: bool) -> None:
        self.session.go(position, follow=follow)

    def note_move(self) -> None:
        """Take note that the user has moved: from then on only the newest is now."""
        self._is_due = False
        if self.is_paused:
            self.is_following = self.is_at_now
        else:
            at_step = self._position.step >= self.session.steps - 1
            self.is_following = (
                at_step and self._position.event >= self.session.events - 1
            )


def _place(state: SeatState) -> tuple[object, ...]:
    return state.activity, state.step, state.event, state.is_before
