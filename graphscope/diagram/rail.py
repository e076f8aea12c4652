"""Rails: a graph as one row per node, in execution order, as `git log --graph` does.

A value that will be read again occupies a lane from its own row to its last reader's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

NODE: Final = "●"
_JOINTS: Final = {
    # (ends here, is left of the node, has another joint further out)
    (True, True, False): "└",
    (True, True, True): "┴",
    (True, False, False): "┘",
    (True, False, True): "┴",
    (False, True, False): "├",
    (False, True, True): "┼",
    (False, False, False): "┤",
    (False, False, True): "┼",
}


@dataclass(frozen=True, slots=True)
class RailOptions:
    """How wide rails may become.

    Attributes:
        max_lanes: With this many lanes in use, a lane is given up early.
        min_span: Only lanes whose next reader is more rows away are given up.
    """

    max_lanes: int = 12
    min_span: int = 8


@dataclass(frozen=True, slots=True)
class RailRow:
    """One row.

    Attributes:
        id: The node.
        cells: The characters: the node at `node`, lanes at even columns.
        node: Column of the node.
        stubs: Ids that it reads without a lane leading here.
        owners: For each lane, whose value it carries into this row, if any.
    """

    id: str
    cells: str
    node: int
    stubs: tuple[str, ...] = ()
    owners: tuple[str | None, ...] = ()


@dataclass(slots=True)
class _Lane:
    source: str
    readers: list[int]  # rows, the next one last

    def reads_in(self, row: int) -> bool:
        """Whether it is read in this row."""
        return self.readers[-1] == row


@dataclass(slots=True)
class _Rails:
    lanes: list[_Lane | None] = field(default_factory=list)

    def put(self, index: int, lane: _Lane | None) -> None:
        while len(self.lanes) <= index:
            self.lanes.append(None)
        self.lanes[index] = lane
        while self.lanes and self.lanes[-1] is None:
            self.lanes.pop()

    def first_free(self) -> int:
        free = (i for i, lane in enumerate(self.lanes) if lane is None)
        return next(free, len(self.lanes))


def lay_rail(
    order: Sequence[str],
    predecessors: Mapping[str, Sequence[str]],
    options: RailOptions | None = None,
) -> tuple[RailRow, ...]:
    """Return one row per id of `order`, each after everything that it reads.

    Predecessors that are unknown or come later are named in the row's `stubs`.

    Example:
        >>> rows = lay_rail(["x", "w", "u"], {"u": ["x", "w"]})
        >>> [row.cells for row in rows]
        ['●', '│ ●', '●─┘']
    """
    options = options or RailOptions()
    readers = _readers(order, predecessors)
    rails = _Rails()
    rows: list[RailRow] = []
    for row, name in enumerate(order):
        cells, node = _draw_row(rails, row)
        wanted = dict.fromkeys(predecessors.get(name, ()))
        owners = tuple(lane.source if lane else None for lane in rails.lanes)
        joined = {lane.source for lane in rails.lanes if lane and lane.reads_in(row)}
        missing = tuple(source for source in wanted if source not in joined)
        rows.append(RailRow(name, cells, 2 * node, missing, owners))
        _advance(rails, row, _Lane(name, readers[name]), node)
        _give_up_lanes(rails, row, options)
    return tuple(rows)


def _readers(
    order: Sequence[str], predecessors: Mapping[str, Sequence[str]]
) -> dict[str, list[int]]:
    at = {name: row for row, name in enumerate(order)}
    readers: dict[str, list[int]] = {name: [] for name in order}
    for row in range(len(order) - 1, -1, -1):
        for source in dict.fromkeys(predecessors.get(order[row], ())):
            if at.get(source, row) < row:
                readers[source].append(row)
    return readers


def _draw_row(rails: _Rails, row: int) -> tuple[str, int]:
    """Draw a node in its lane, joined to the lanes that it reads; return both."""
    lanes = rails.lanes
    joins = [i for i, lane in enumerate(lanes) if lane and lane.reads_in(row)]
    ends = [i for i in joins if _has_one_reader(lanes[i])]
    node = ends[0] if ends else rails.first_free()
    cells = ["│" if lane else " " for lane in lanes]
    cells += " " * (node + 1 - len(cells))
    first, last = min([node, *joins]), max([node, *joins])
    for index in range(first + 1, last):
        if cells[index] == " ":  # other lanes pass over the joint
            cells[index] = "─"
    for index in joins:
        cells[index] = _JOINTS[index in ends, index < node, first < index < last]
    cells[node] = NODE
    before, after = " ".join([*cells[:first], ""]), " ".join(["", *cells[last + 1 :]])
    return f"{before}{'─'.join(cells[first : last + 1])}{after}".rstrip(), node


def _has_one_reader(lane: _Lane | None) -> bool:
    return lane is not None and len(lane.readers) == 1


def _advance(rails: _Rails, row: int, own: _Lane, index: int) -> None:
    """Move past the row: end the lanes read for the last time, begin the node's own."""
    for other, lane in enumerate(list(rails.lanes)):
        if lane and lane.reads_in(row):
            lane.readers.pop()
            if not lane.readers:
                rails.put(other, None)
    if own.readers:
        rails.put(index, own)


def _give_up_lanes(rails: _Rails, row: int, options: RailOptions) -> None:
    """End the lanes that are read latest, until few enough are in use."""
    if len(rails.lanes) <= options.max_lanes:
        return
    used = [(lane.readers[-1], i) for i, lane in enumerate(rails.lanes) if lane]
    excess = max(len(used) - options.max_lanes, 0)
    for next_row, index in sorted(used, reverse=True)[:excess]:
        if next_row - row > options.min_span:
            rails.put(index, None)
