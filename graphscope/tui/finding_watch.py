"""Which findings the steps that are looked at have."""

from typing import Final

from graphscope.analysis.findings import StepFinder, identity_of
from graphscope.analysis.findings.finder import ask
from graphscope.analysis.why.errors import explain_error
from graphscope.analysis.why.errors.past import Past
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.tui.feed import Feed
from graphscope.tui.finding_text import node_of_finding
from graphscope.tui.outline import Outline
from graphscope.tui.recording_search import RecordingSearch, Searched

_OFTEN: Final = 100
_GROWTH: Final = 1.5


class FindingWatch:
    """Knows the findings of the steps that are looked at.

    Those of a step are looked for when it is opened. Those that show from step to step
    are looked for at once, and again when a live recording has grown by half. Once the
    whole recording has been searched, what that has found decides.

    Attributes:
        search: What looks at the whole recording, when that is asked for.
    """

    def __init__(self, feed: Feed) -> None:
        self.search = RecordingSearch(feed)
        self._feed = feed
        self._finder = StepFinder()
        self._last: tuple[Trace, Searched, tuple[Finding, ...]] | None = None
        self._over_steps: tuple[Finding, ...] = ()
        self._asked_at = 0

    def of_step(self, trace: Trace) -> tuple[Finding, ...]:
        """Return the findings that show in a step."""
        known = self.search.known
        last = self._last
        if last is None or last[0] is not trace or last[1] is not known:
            last = self._last = trace, known, self._find(trace, known)
        return last[2]

    def find_guilty(self, outline: Outline | None) -> int | None:
        """Return the node to blame for the exception that ended the last step."""
        finding = ask(self._explain_last)
        if finding is None or outline is None:
            return None
        return node_of_finding(finding, outline)

    def _explain_last(self) -> Finding | None:
        last = self._feed.steps - 1
        past = Past()
        for step in range(max(last - 1, 0), last):
            before = self._feed.trace(step)
            past.add(before, self._finder.facts(before.graph))
        trace = self._feed.trace(last)
        return explain_error(self._finder.facts(trace.graph), trace, past)

    def _find(self, trace: Trace, known: Searched) -> tuple[Finding, ...]:
        own = self._finder.find(trace)
        everywhere = known.findings
        if known.is_over:
            named = {identity_of(finding) for finding in everywhere}
            own = tuple(finding for finding in own if identity_of(finding) in named)
        else:
            everywhere = (*everywhere, *self._look_over_steps())
        others = (finding for finding in everywhere if finding.step == trace.step)
        found = {identity_of(finding): finding for finding in reversed((*own, *others))}
        return tuple(reversed(found.values()))

    def _look_over_steps(self) -> tuple[Finding, ...]:
        steps = self._feed.steps
        if steps != self._asked_at and (
            steps <= _OFTEN or steps >= _GROWTH * self._asked_at
        ):
            self._over_steps, self._asked_at = self._feed.find_over_steps(), steps
        return self._over_steps
