"""Names where there is no source text: an interactive session, code from a string.

The expression cannot be read there, but at module level the variables can: a value is
called what the global variable that holds its tensor is called. Not inside functions:
reading a frame's locals keeps them alive.
"""

from collections.abc import Iterator

from graphscope.capture.frames import FrameWalker
from graphscope.capture.identity import TensorTable
from graphscope.capture.records import RawValue
from graphscope.capture.sites import SiteFinder
from graphscope.capture.tensors import PLAIN_TYPES


class GlobalNames:
    """Names values after the global variables of a frame without source."""

    def __init__(
        self, table: TensorTable, finder: tuple[FrameWalker, SiteFinder]
    ) -> None:
        self._table = table
        self._walker, self._sites = finder

    def apply(self) -> None:
        """Name values after the frame that is running, if it is of that kind."""
        for value, name in self.find():
            self._table.change(value, "name", name)

    def find(self) -> Iterator[tuple[RawValue, str]]:
        """Yield values without a name, and what the user's frame that runs calls them.

        A value that several variables hold may come more than once.
        """
        frame, _ = self._walker.find_user_frame()
        if frame is None or frame.f_code.co_name != "<module>":
            return
        if self._sites.find(frame)[0].site.column >= 0:
            return
        for name, found in list(frame.f_globals.items()):
            # By type, not isinstance: that would run code of foreign proxies.
            if type(found) in PLAIN_TYPES and not name.startswith("_"):
                known = self._table.entry(found)
                if known is not None and known.value in self._table.stale:
                    continue  # looking at it would renew its node
                value = self._table.find(found)
                if value is not None and value.name is None:
                    yield value, name
