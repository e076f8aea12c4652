"""The search for everything suspicious in a recording, also while it is written.

Separate from the list that shows what was found: this part reads every step, once,
and is told apart from the screen by living on a worker thread.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from graphscope.analysis.findings import RunSearch, StepFinder, identity_of
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.tui.feed import Feed

_REPORT_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Searched:
    """What is known of a recording so far.

    Attributes:
        findings: In the order of the steps.
        looked: How many steps were looked at.
        steps: How many there were when the search began.
        unread: How many of them could not be read.
        is_done: Whether all of them were looked at.
        is_over: Whether the run had ended, so that nothing can come after them.
        changes: What the feed's `changes` were when the search began.
    """

    findings: tuple[Finding, ...] = ()
    looked: int = 0
    steps: int = 0
    unread: int = 0
    is_done: bool = False
    is_over: bool = False
    changes: int = -1


@dataclass(slots=True)
class RecordingSearch:
    """Looks at each step of a feed once, and goes on when there are more.

    Threads: `run` belongs to one worker at a time, which `begin` has allowed; all else
    to the user's thread.
    """

    feed: Feed
    known: Searched = field(default_factory=Searched)
    _search: RunSearch = field(default_factory=RunSearch)
    _seen: int = -1  # number of the last step that was looked at
    _unread: set[int] = field(default_factory=set)
    _is_running: bool = False

    @property
    def is_running(self) -> bool:
        """Whether a worker is at it."""
        return self._is_running

    @property
    def is_due(self) -> bool:
        """Whether there is something that was not looked at yet."""
        is_current = self.known.is_over or self.known.changes == self.feed.changes
        return not (self._is_running or (self.known.is_done and is_current))

    def begin(self) -> bool:
        """Whether a worker should run now; there is never a second one."""
        if not self.is_due:
            return False
        self._is_running = True
        return True

    def run(self, is_wanted: Callable[[], bool]) -> Iterator[Searched]:
        """Yield what is known from time to time, and at last of all steps."""
        try:
            yield from self._look(is_wanted)
        finally:
            self._is_running = False

    def _look(self, is_wanted: Callable[[], bool]) -> Iterator[Searched]:
        changes, is_over = self.feed.changes, self.feed.is_over
        numbers = list(self.feed.numbers)
        told_at, draft = monotonic(), None
        for position, number in enumerate(numbers):
            if not is_wanted():
                return
            if number > self._seen:
                draft = self._look_at(position, number)
            if monotonic() - told_at > _REPORT_S:
                told_at = monotonic()
                yield self._tell(numbers, self._search.so_far(), changes=changes)
        found = _with_draft(self.feed.conclude(self._search), draft)
        yield self._tell(numbers, found, changes=changes, is_done=True, is_over=is_over)

    def _look_at(self, position: int, number: int) -> Trace | None:
        """Look at a step; return it when it has only begun, for it will be replaced."""
        try:
            trace = self.feed.read(position)
        except GraphscopeError:
            self._unread.add(number)
            return None
        self._unread.discard(number)
        if self.feed.is_cut_short(position, trace):
            return trace
        self._search.see(trace)
        self._seen = number
        return None

    def _tell(
        self,
        numbers: Sequence[int],
        findings: tuple[Finding, ...],
        *,
        changes: int,
        is_done: bool = False,
        is_over: bool = False,
    ) -> Searched:
        return Searched(
            findings,
            looked=self._search.count,
            steps=len(numbers),
            unread=len(self._unread),
            is_done=is_done,
            is_over=is_done and is_over,
            changes=changes,
        )


def _with_draft(
    findings: tuple[Finding, ...], draft: Trace | None
) -> tuple[Finding, ...]:
    """Add what shows in a step that has only begun, unless it is known already."""
    if draft is None:
        return findings
    known = {identity_of(finding) for finding in findings}
    new = (f for f in StepFinder().find(draft) if identity_of(f) not in known)
    return (*findings, *new)
