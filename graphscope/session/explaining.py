"""`gs.explain(exception)`: an error of autograd or of an op in the user's own words."""

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.findings import find_in_step
from graphscope.analysis.why.errors import (
    Past,
    explain_error,
    explain_message,
    raised_op,
)
from graphscope.errors import describe_error
from graphscope.model.finding import Finding
from graphscope.model.site import Site
from graphscope.model.trace import Status, Trace
from graphscope.render.text.findings import finding_lines
from graphscope.session.ended import steps_before
from graphscope.session.endings import tell

_WIDTH: Final = 88
_MOST: Final = 8
_OURS: Final = str(Path(__file__).parents[1])
_TORCH: Final = f"{os.sep}torch{os.sep}"


class Explanation:
    """What can be said about an exception; printed it is the text.

    Attributes:
        error: Its type and message.
        findings: What explains it, the main one first; none for an error that
            graphscope has nothing to say about.
    """

    def __init__(self, error: str, findings: Sequence[Finding], rest: str = "") -> None:
        self.error = error
        self.findings = tuple(findings)
        self._rest = rest

    @property
    def finding(self) -> Finding | None:
        """The main finding."""
        return self.findings[0] if self.findings else None

    def text(self, width: int = _WIDTH) -> str:
        """Return the explanation in lines of at most `width` cells."""
        lines = [
            line
            for found in self.findings
            for line in finding_lines(found, width=width)
        ]
        return "\n".join(lines) or self._rest

    def __str__(self) -> str:
        """Return the explanation as text."""
        return self.text()

    def __repr__(self) -> str:
        """Return what it is about, on one line."""
        kinds = ", ".join(finding.kind for finding in self.findings)
        return f"<explanation of {self.error.partition(':')[0]}: {kinds or 'none'}>"


def explain(exception: BaseException) -> Explanation:
    """Explain an exception that torch raised.

    With the numbers and names of the recording where it was recorded: by the trace or
    recording that it ended, or that runs now. Of any other one what its message and
    its traceback tell. Keeps nothing of the exception alive, and never raises.

    Returns:
        What prints as the explanation, with `.finding` and `.findings`.
    """
    text = describe_error(exception)
    with suppress(Exception):
        found = find_recorded(exception)
        if found:
            return Explanation(text, found)
    with suppress(Exception):
        told = explain_message(text, _site_of(exception))
        if told is not None:
            return Explanation(text, (told,))
    return Explanation(text, (), f"graphscope has no explanation for {text}")


def find_recorded(exception: BaseException) -> tuple[Finding, ...]:
    """Return what a recording tells about an exception, or about what caused it."""
    for error in _chain(exception):
        steps = steps_before(error)
        found = _find(steps) if steps else ()
        if found:
            return found
    return ()


def tell_explanation(exception: BaseException) -> None:
    """Write to stderr why a recorded script was ended, if that is known.

    Called under the traceback that python has written. Nothing is told of an
    exception that no explanation was made for.
    """
    if not isinstance(exception, Exception):
        return
    with suppress(Exception):
        found = find_recorded(exception)
        if found:
            tell("")
        for finding in found:
            for line in finding_lines(finding, width=_width(), head="graphscope: "):
                tell(line)


def _find(steps: Sequence[Trace]) -> tuple[Finding, ...]:
    """Explain what ended the last of these steps: by itself, or as a known trap."""
    *earlier, last = steps
    past = Past()
    for trace in earlier:
        if trace.status is not Status.ABORTED:
            past.add(trace, Facts(trace.graph))
    found = explain_error(Facts(last.graph), last, past)
    if found is not None:
        return (found,)
    op = raised_op(last.graph)
    if op is None:
        return ()
    return tuple(one for one in find_in_step(last) if op.id in one.ops)


def _chain(exception: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what caused it; a loop of causes has an end."""
    found: BaseException | None = exception
    for _ in range(_MOST):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _site_of(exception: BaseException) -> Site | None:
    """Return the innermost line of the user's in a traceback."""
    entries = traceback.extract_tb(exception.__traceback__)
    for entry in reversed(entries):
        is_ours = entry.filename.startswith(_OURS)
        if is_ours or _TORCH in entry.filename or entry.filename.startswith("<frozen"):
            continue
        line = entry.lineno or 0
        return Site(
            file=entry.filename,
            line=line,
            end_line=line,
            column=-1,
            end_column=-1,
            function=entry.name,
            expression=(entry.line or "").strip(),
        )
    return None


def _width() -> int:
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.stderr.fileno()).columns
    return _WIDTH
