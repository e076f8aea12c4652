"""The threads between the screen and the processes: finding, hearing, commanding.

The UI's thread never waits for a process. What comes is kept here, of states only the
last, and fetched with `take` when `notify` was called.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Final

from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command
from graphscope.errors import DebuggerError, GraphscopeError
from graphscope.tui.live.link import Link, SessionSource

_LOOK_S: Final = 1.0
_FIRST_LOOK_S: Final = 0.05

Answered = Callable[[str, bool], None]
"""Called with the answer, and whether it is a refusal."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a command."""

    text: str
    is_refusal: bool
    then: Answered


@dataclass(slots=True)
class News:
    """What has come since the last time; by the key of the process.

    Attributes:
        states: The last state of each process that told one.
        joined: Processes that were connected to, and whether they take commands.
        lost: Processes whose connection broke, and why.
        replies: Answers to commands, in order.
    """

    states: dict[str, ProcessState] = field(default_factory=dict)
    joined: dict[str, bool] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)


class Switchboard:
    """Connects to every process of a launch, and to those that come later.

    Threads: all methods belong to the UI's thread; `notify` is called from others.
    """

    def __init__(self, source: SessionSource, notify: Callable[[], None]) -> None:
        self._source = source
        self._notify = notify
        self._lock = Lock()
        self._news = News()
        self._is_told = False
        self._is_closed = Event()
        self._lines: dict[str, _Line] = {}
        self._heard: dict[str, ProcessState] = {}
        self._roles: dict[str, bool] = {}
        self._unanswered = 0

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still to come, or news to be taken."""
        with self._lock:
            return self._unanswered > 0 or self._is_told

    @property
    def connected(self) -> frozenset[str]:
        """The keys of the processes that can be talked to."""
        with self._lock:
            return frozenset(self._lines)

    def start(self) -> None:
        """Begin to look for processes."""
        Thread(target=self._look_out, name="graphscope-finder", daemon=True).start()

    def close(self) -> None:
        """Leave all processes to themselves."""
        self._is_closed.set()
        with self._lock:
            lines, self._lines = list(self._lines.values()), {}
        for found in lines:
            found.close()

    def take(self) -> News:
        """Return what has come."""
        with self._lock:
            news, self._news, self._is_told = self._news, News(), False
            self._unanswered -= len(news.replies)
        return news

    def send(self, key: str, command: Command, then: Answered) -> bool:
        """Send a command after those before it; False when nobody is there."""
        with self._lock:
            found = self._lines.get(key)
            if found is None:
                return False
            self._unanswered += 1
        found.send(command, then)
        return True

    def _tell(self, change: Callable[[News], None]) -> None:
        with self._lock:
            change(self._news)
            is_told, self._is_told = self._is_told, True
        if not is_told and not self._is_closed.is_set():
            self._notify()

    def _look_out(self) -> None:
        while not self._is_closed.is_set():
            with suppress(GraphscopeError, OSError):
                for key in self._source.find():
                    self._connect(key)
            patience = _LOOK_S if self.connected else _FIRST_LOOK_S
            self._is_closed.wait(patience)

    def _connect(self, key: str) -> None:
        if key in self.connected or self._is_closed.is_set():
            return
        try:
            link = self._source.connect(
                key,
                on_state=lambda state: self._hear(key, state),
                on_lost=lambda reason: self._lose(key, reason),
            )
        except DebuggerError:
            return  # it may be ready the next time
        line = _Line(link, lambda reply: self._tell(lambda n: n.replies.append(reply)))
        with self._lock:
            self._lines[key] = line

        def greet(news: News) -> None:
            news.joined[key] = self._roles[key] = link.is_controller
            news.states.setdefault(key, link.state)

        self._tell(greet)

    def _hear(self, key: str, state: ProcessState) -> None:
        """Take in a state; each answer comes with one, which is news or is not.

        It is also told unchanged, when control of the process has come to this link.
        """
        line = self._lines.get(key)
        if line is not None and line.link.is_controller != self._roles.get(key):
            role = self._roles[key] = line.link.is_controller
            self._tell(lambda news: news.joined.update({key: role}))
        if state == self._heard.get(key):
            return
        self._heard[key] = state
        self._tell(lambda news: news.states.update({key: state}))

    def _lose(self, key: str, reason: str) -> None:
        with self._lock:
            line = self._lines.pop(key, None)
            self._heard.pop(key, None)
        if line is not None:
            line.close()
        self._tell(lambda news: news.lost.update({key: reason}))


class _Line:
    """Sends the commands for one process, one after another, on a thread."""

    def __init__(self, link: Link, report: Callable[[Reply], None]) -> None:
        self.link = link
        self._report = report
        self._queue: SimpleQueue[tuple[Command, Answered] | None] = SimpleQueue()
        Thread(target=self._run, name="graphscope-sender", daemon=True).start()

    def send(self, command: Command, then: Answered) -> None:
        self._queue.put((command, then))

    def close(self) -> None:
        self._queue.put(None)

    def _run(self) -> None:
        while (asked := self._queue.get()) is not None:
            command, then = asked
            try:
                reply = Reply(self.link.send(command), is_refusal=False, then=then)
            except (DebuggerError, OSError) as error:
                reply = Reply(str(error), is_refusal=True, then=then)
            self._report(reply)
        self.link.close()
