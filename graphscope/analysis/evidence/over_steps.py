"""What looks at one step after another and concludes from several of them."""

from collections.abc import Iterable
from typing import Protocol

from graphscope.analysis.evidence.facts import Facts
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace


class RunCheck(Protocol):
    """Follows one run. A new one is made for each recording that is looked at.

    It is asked in every step, of a live run too: what it does for a step has to cost
    microseconds, unless the step gives reason to look closer.
    """

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Look at the next step; return what can be told already.

        Args:
            trace: The step. Steps come in order; some may be missing.
            facts: What is known of its graph, the same object for all its steps.
        """

    def finish(self) -> Iterable[Finding]:
        """Return what can be told only after the last step.

        Changes nothing: where a run goes on it is asked again after more steps.
        """
