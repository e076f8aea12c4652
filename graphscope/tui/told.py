"""Lines about findings as a picture: some of them are places to go to."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.model.finding import PathStep
from graphscope.tui.finding_text import ToldLine
from graphscope.tui.lines import Area, ScreenLine


@dataclass(frozen=True)
class ToldPicture:
    """Lines, of which those with a station can be clicked.

    What `node_at` returns is the number of the line: which node that is depends on
    the step.
    """

    told: Sequence[ToldLine] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """The lines that are places to go to."""
        return tuple(y for y, told in enumerate(self.told) if told.station is not None)

    @property
    def width(self) -> int:
        """Cells of the widest line."""
        return max((found.line.width for found in self.told), default=0)

    @property
    def height(self) -> int:
        """How many lines there are."""
        return len(self.told)

    def line_at(self, y: int) -> ScreenLine:
        """Return line number `y`."""
        return self.told[y].line

    def node_at(self, x: int, y: int) -> int | None:
        """Return the number of the line when it is a place to go to."""
        del x
        return y if self.station_at(y) is not None else None

    def area_of(self, node: int) -> Area | None:
        """Return where a line is."""
        is_there = 0 <= node < len(self.told)
        return Area(0, node, self.told[node].line.width, 1) if is_there else None

    def station_at(self, y: int) -> PathStep | None:
        """Return the station that a line is about."""
        return self.told[y].station if 0 <= y < len(self.told) else None
