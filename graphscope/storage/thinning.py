"""Which steps leave a recording that has reached its budget. Pure: sizes in, rows out.

Separate from the deleting (`graphscope.storage.budget`), which knows SQL.
"""

from array import array
from collections import deque
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Sizes = npt.NDArray[np.float64]

_KEPT_SHARE: Final = 0.75
"""Part of the limit that a plan leaves in use, so that plans are rare."""
_RECENT_SHARE: Final = 0.25
"""Part of the limit in which the newest steps stay without a gap."""
_FEWEST: Final = 3  # of fewer steps all are the first or the last


class Thinner:
    """The rows of a recording with their sizes, and the ones that are to go.

    A plan keeps of the older steps every 2nd, or 4th, or 8th …, so many that a quarter
    of the limit becomes free. The first step, the newest ones and those with findings
    stay. Only where these alone are too many, every 2nd (4th, …) of those with findings
    stays, the first of them always.

    A plan looks once at every step in memory, and frees a quarter of what it looks at:
    a constant number of looks for each step.
    """

    def __init__(self) -> None:
        self._rows = array("q")
        self._sizes = array("q")
        self._graphs = array("q")
        self._findings = bytearray()
        self._users: dict[int, int] = {}
        self._graph_bytes: dict[int, int] = {}
        self._victims: deque[tuple[int, int, int]] = deque()
        self._unused: set[int] = set()
        self.pinned = -1
        """A graph that stays although no step uses it: the one of a draft."""

    def add_graph(self, graph: int, size: int) -> None:
        """Note what a graph takes."""
        self._graph_bytes[graph] = size

    def add(self, row: int, *, size: int, graph: int, has_finding: bool) -> None:
        """Note a step that was written. Rows come in ascending order."""
        self._rows.append(row)
        self._sizes.append(size)
        self._graphs.append(graph)
        self._findings.append(has_finding)
        self._users[graph] = self._users.get(graph, 0) + 1
        self._unused.discard(graph)

    def forget_graph(self, graph: int) -> None:
        """Take back what was noted of a graph that no step has used."""
        del self._graph_bytes[graph]

    def bytes_of_graph(self, graph: int) -> int:
        """Return what a graph takes."""
        return self._graph_bytes[graph]

    @property
    def has_victims(self) -> bool:
        """Whether steps are to go."""
        return bool(self._victims)

    @property
    def graphs_by_use(self) -> list[int]:
        """The graphs that steps use, the most used first."""
        return sorted(self._users, key=self._users.__getitem__, reverse=True)

    def take(self, size: int) -> tuple[list[int], list[int]]:
        """Return the next victims, at least `size` bytes, and graphs none uses now."""
        rows = []
        while self._victims and size > 0:
            row, freed, graph = self._victims.popleft()
            size -= freed
            rows.append(row)
            self._users[graph] -= 1
            if not self._users[graph]:
                del self._users[graph]
                self._unused.add(graph)
                size -= self._graph_bytes[graph]
        graphs = sorted(self._unused - {self.pinned})
        self._unused -= set(graphs)
        for graph in graphs:
            del self._graph_bytes[graph]
        return rows, graphs

    def plan(self, *, used: int, limit: int) -> None:
        """Choose victims so that of `used` bytes three quarters of `limit` are left."""
        if len(self._rows) < _FEWEST or self._victims:
            return
        graphs = np.array(self._graphs)
        fixed = sum(self._graph_bytes[int(g)] for g in {graphs[0], graphs[-1]})
        cost = np.array(self._sizes) + self._graph_shares(graphs)
        # What a byte takes in the file, with half empty pages.
        factor = max(1.0, used / max(float(cost.sum()) + fixed, 1.0))
        room = limit / factor - fixed
        older = np.cumsum(cost[::-1])[::-1] > room * _RECENT_SHARE
        older[0] = older[-1] = False
        findings = np.frombuffer(bytes(self._findings), np.bool_)
        excess = float(cost.sum()) - room * _KEPT_SHARE
        rows = np.array(self._rows)
        gone = _thin_by_stride(rows, cost, older & ~findings, excess=excess)
        excess -= float(cost[gone].sum())
        gone |= _thin_by_halves(cost, older & findings, excess=excess)
        self._retire(gone)

    def _graph_shares(self, graphs: npt.NDArray[Any]) -> Sizes:
        """Return what each step's share of its graph takes; 0 for those that stay."""
        found, place, users = np.unique(graphs, return_inverse=True, return_counts=True)
        sizes = np.array([self._graph_bytes[int(g)] for g in found], np.float64)
        sizes[np.isin(found, graphs[[0, -1]])] = 0.0
        shares: Sizes = (sizes / users)[place]
        return shares

    def _retire(self, gone: Mask) -> None:
        self._victims.extend(
            (self._rows[i], self._sizes[i], self._graphs[i])
            for i in np.flatnonzero(gone).tolist()
        )
        self._rows = array("q", np.array(self._rows)[~gone].tobytes())
        self._sizes = array("q", np.array(self._sizes)[~gone].tobytes())
        self._graphs = array("q", np.array(self._graphs)[~gone].tobytes())
        kept = np.frombuffer(bytes(self._findings), np.uint8)[~gone]
        self._findings = bytearray(kept.tobytes())


def _thin_by_stride(
    rows: npt.NDArray[Any], cost: Sizes, mask: Mask, *, excess: float
) -> Mask:
    """Return which of `mask` go: all but every 2nd, 4th … row, as `excess` demands."""
    gone, stride = np.zeros_like(mask), 1
    while float(cost[gone].sum()) < excess and stride <= int(rows[-1]):
        stride *= 2
        gone = mask & (rows % stride != 0)
    return gone


def _thin_by_halves(cost: Sizes, mask: Mask, *, excess: float) -> Mask:
    """Return which of `mask` go: all but every 2nd, 4th …, as `excess` demands."""
    gone, kept = np.zeros_like(mask), np.flatnonzero(mask)
    while float(cost[gone].sum()) < excess and kept.size > 1:
        gone[kept[1::2]] = True
        kept = kept[::2]
    return gone
