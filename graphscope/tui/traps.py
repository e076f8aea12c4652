"""The known traps on the screen: which ones a step has, and what is said of them."""

from collections.abc import Sequence
from typing import Final

from graphscope.analysis.findings import StepFinder
from graphscope.diagram.traps import MARK, describe_trap
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.tui.feed import Feed
from graphscope.tui.lines import ScreenLine, Tone, line, message_picture
from graphscope.tui.outline import Node

_OFTEN: Final = 100
_GROWTH: Final = 1.5


class TrapWatch:
    """Knows the traps of the steps that are looked at.

    Those of a step are looked for when it is opened. Those that show from step to step
    are looked for at once, and again when a live recording has grown by half.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._finder = StepFinder()
        self._last: tuple[Trace, tuple[Finding, ...]] | None = None
        self._over_steps: tuple[Finding, ...] = ()
        self._asked_at = 0

    def of_step(self, trace: Trace) -> tuple[Finding, ...]:
        """Return the traps that show in a step."""
        if self._last is None or self._last[0] is not trace:
            self._last = trace, self._find(trace)
        return self._last[1]

    def _find(self, trace: Trace) -> tuple[Finding, ...]:
        steps = self._feed.steps
        if steps != self._asked_at and (
            steps <= _OFTEN or steps >= _GROWTH * self._asked_at
        ):
            self._over_steps, self._asked_at = self._feed.run_traps(), steps
        others = (f for f in self._over_steps if f.step == trace.step)
        return (*self._finder.find(trace), *others)


def traps_of_node(findings: Sequence[Finding], node: Node) -> tuple[Finding, ...]:
    """Return the traps that a node has to do with."""
    values = set(node.values)
    return tuple(
        finding
        for finding in findings
        if node.op in finding.ops or not values.isdisjoint(finding.values)
    )


def count_traps(findings: Sequence[Finding]) -> str:
    """Say how many traps a step has, nothing when there is none."""
    if not findings:
        return ""
    return "1 trap" if len(findings) == 1 else f"{len(findings)} traps"


def list_titles(findings: Sequence[Finding], width: int) -> list[ScreenLine]:
    """Write what is wrong, one sentence each."""
    found: list[ScreenLine] = []
    for finding in findings:
        found += message_picture(describe_trap(finding), width, Tone.ERROR).lines
    return found


def list_remedies(findings: Sequence[Finding], width: int) -> list[ScreenLine]:
    """Write what is wrong, and what to do."""
    found: list[ScreenLine] = []
    for finding in findings:
        found += list_titles([finding], width)
        found += message_picture(f"→ {finding.remedy}", width, Tone.PLAIN).lines
    return found


def explain_traps(findings: Sequence[Finding], width: int) -> list[ScreenLine]:
    """Write the evidence."""
    found: list[ScreenLine] = []
    for finding in findings:
        told = message_picture(f"{MARK} {finding.explanation}", width, Tone.PLAIN)
        found += [line(), *told.lines]
    return found
