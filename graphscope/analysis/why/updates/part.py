"""What one of the checks of updates is: it sees each step's updates, and concludes.

They share the reading of a graph, which is the expensive part, so one check of the run
asks them all (`check.py`).
"""

from collections.abc import Iterable
from typing import Protocol

from graphscope.analysis.why.updates.look import Look
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace


class Part(Protocol):
    """Follows the updates of one run; costs next to nothing once it is content."""

    def see(self, trace: Trace, look: Look) -> None:
        """Look at the updates of the next step."""

    def finish(self) -> Iterable[Finding]:
        """Return what was wrong."""
