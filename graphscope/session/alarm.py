"""What `on_finding` does: tell of what is suspicious while the training runs.

Separate from capture, which only hands over finished steps and says where the thread
may be held: there, in the user's code and with no lock of ours, a step is looked at,
and the user is told.
"""

import os
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from graphscope.analysis.findings import RunFollower
from graphscope.errors import CaptureError, FindingError, FindingWarning
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.render.text.findings import finding_lines, title_line
from graphscope.session.endings import tell

OnFinding = str | Callable[[Finding], object]
"""`"raise"`, `"warn"`, or a function that is called with the finding."""

_WIDTH: Final = 88
_RAISE: Final = "raise"
_WARN: Final = "warn"


class Alarm:
    """Follows the steps of one recording; as a gate it holds the thread to tell.

    Threads: steps may come from any; `hold` and `end` run on the recorded one.

    Attributes:
        is_armed: Never: no event is asked about.
        faults: Errors of graphscope's own, by message, with their count.

    Raises:
        CaptureError: `on_finding` is neither a function nor a known word.
    """

    is_armed = False

    def __init__(self, on_finding: OnFinding) -> None:
        """Check `on_finding`; called in the user's code, which may handle something."""
        if not callable(on_finding) and on_finding not in {_RAISE, _WARN}:
            raise CaptureError(
                f"on_finding is {on_finding!r}: give 'raise', 'warn' or a function "
                "that takes a finding. Nothing was recorded."
            )
        self._on_finding = on_finding
        self._follower: RunFollower | None = RunFollower()
        self._found: list[Finding] = []
        self._pid = os.getpid()
        self._handled = sys.exception()
        self.faults: dict[str, int] = {}

    def add(self, trace: Trace, recorder: Any) -> None:
        """Take a finished step, to look at it where the thread can be held."""
        if self._follower is not None and self._follower.take(trace):
            recorder.hold_soon()

    def reached(self, _arrival: object, /) -> bool:
        """Hold at no event."""
        return False

    def left(self, _scope: str, /) -> bool:
        """Hold at the end of no module."""
        return False

    def hold(self, recorder: Any, /) -> None:
        """Look at the steps that are over, and tell what was found.

        Raises:
            FindingError: Something was, and it is to be raised.
            FindingWarning: The same, where warnings are errors.
        """
        is_busy = sys.exception() is not self._handled
        if recorder.is_in_backward or (is_busy and self._on_finding == _RAISE):
            # What is raised there leaves a graph half freed, or hides an exception.
            recorder.hold_soon()
            return
        self._look()
        self._tell()

    def end(self, *, is_failed: bool) -> None:
        """Look at the last steps, and tell what is known only now.

        Args:
            is_failed: Whether an exception of the user's is on its way, which nothing
                may replace.

        Raises:
            FindingError: See `hold`.
            FindingWarning: See `hold`.
        """
        if os.getpid() != self._pid:
            return  # a forked child: the run is its parent's
        self._look()
        follower, self._follower = self._follower, None
        if follower is not None:
            self._find(follower.finish)
        if not is_failed:
            self._tell()
        elif self._on_finding != _RAISE:
            while self._found:
                with suppress(FindingWarning):
                    self._tell()

    def _look(self) -> None:
        if self._follower is not None:
            self._find(self._follower.see)

    def _find(self, look: Callable[[], list[Finding]]) -> None:
        """Look at a step; a fault of ours ends that, and the training goes on."""
        try:
            self._found += look()
        except Exception as fault:
            from graphscope.capture.faults import is_foreign

            if is_foreign(fault):
                raise
            text = f"{type(fault).__name__}: {fault}"[:200]
            self.faults[text] = self.faults.get(text, 0) + 1
            self._follower = None
            tell(
                f"graphscope: looking for findings failed ({text}) and was ended; "
                "training goes on. Please report it."
            )

    def _tell(self) -> None:
        while self._found:
            finding = self._found.pop(0)
            if self._on_finding == _RAISE:
                others, self._found = self._found, []
                raise _error(finding, others)
            if self._on_finding == _WARN:
                _warn(finding)
            elif callable(self._on_finding):
                self._call(self._on_finding, finding)

    def _call(self, callback: Callable[[Finding], object], finding: Finding) -> None:
        """Call the user's function, unseen; one that fails is not called again."""
        from graphscope.capture.faults import is_from_handler
        from graphscope.capture.notices import unseen

        try:
            with unseen():
                callback(finding)
        except Exception as fault:  # it must not reach the training code
            if is_from_handler(fault):
                raise
            self._follower, self._found = None, []
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(
                    f"graphscope: on_finding failed for {finding.kind!r} in step "
                    f"{finding.step} and was ended; training goes on.\n"
                    f"{traceback.format_exc()}"
                )


def _text(finding: Finding) -> str:
    return "\n".join(finding_lines(finding, width=_WIDTH))


def _error(finding: Finding, others: list[Finding]) -> FindingError:
    error = FindingError(_text(finding), finding)
    for other in others:
        error.add_note(f"Found as well: {title_line(other)}")
    return error


def _warn(finding: Finding) -> None:
    """Warn at the line that is to blame, else where the training is."""
    warning = FindingWarning(_text(finding), finding)
    site = finding.site
    file, line = _find_user() if site is None else (site.file, site.line)
    warnings.warn_explicit(warning, FindingWarning, file, line)


def _find_user() -> tuple[str, int]:
    from graphscope.capture.frames import FrameWalker

    frame, _ = FrameWalker().find_user_frame()
    return (
        ("<unknown>", 1)
        if frame is None
        else (frame.f_code.co_filename, frame.f_lineno)
    )
