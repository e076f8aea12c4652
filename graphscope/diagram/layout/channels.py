"""The space between two rows: which track each horizontal piece of an edge takes.

A `Net` comes down from one column and leads to one or more columns below. Two nets
may cross, but no piece of one lies on a piece of another.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Net:
    """One wire: from column `top` above to the columns `bottoms` below.

    `key` says whose it is; the pieces of a net that had to be split share it.
    """

    key: int
    top: int
    bottoms: tuple[int, ...]

    @property
    def start(self) -> int:
        """Leftmost column of the horizontal piece."""
        return min(self.top, *self.bottoms)

    @property
    def stop(self) -> int:
        """Rightmost column of the horizontal piece."""
        return max(self.top, *self.bottoms)

    @property
    def is_straight(self) -> bool:
        """Whether it needs no horizontal piece."""
        return self.start == self.stop


@dataclass(frozen=True, slots=True)
class Wire:
    """A way through the channel: alternating columns and tracks, from the top."""

    columns: tuple[int, ...]
    tracks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Detour:
    """Piece `upper` ends in `column`, and piece `lower` continues from there."""

    upper: int
    lower: int
    column: int


def route_channel(
    nets: Sequence[Net], gap: int
) -> tuple[dict[tuple[int, int], Wire], int]:
    """Return (net key, bottom column) -> wire, and the number of tracks used.

    `gap` is the least distance between two pieces on the same track.
    """
    pieces, detours = _split_rings(nets)
    below = _must_be_above(pieces, len(nets))
    for detour in detours:
        below[detour.upper].append(detour.lower)
    tracks = _assign_tracks(pieces, below, gap)
    wires: dict[tuple[int, int], Wire] = {}
    for index, piece in enumerate(pieces):
        for bottom in piece.bottoms:
            wires[piece.key, bottom] = _wire(piece.top, bottom, tracks.get(index))
    for detour in detours:
        key, (bottom,) = pieces[detour.lower].key, pieces[detour.lower].bottoms
        upper, lower = wires.pop((key, detour.column)), wires[key, bottom]
        wires[key, bottom] = Wire(
            upper.columns[:-1] + lower.columns, upper.tracks + lower.tracks
        )
    return wires, 1 + max(tracks.values(), default=-1)


def _wire(top: int, bottom: int, track: int | None) -> Wire:
    if top == bottom or track is None:
        return Wire((top,), ())
    return Wire((top, bottom), (track,))


def _must_be_above(nets: Sequence[Net], count: int) -> list[list[int]]:
    """Return for each net those that must run below it.

    Where a net comes down in the column in which another one leaves, the first must
    turn away before the other arrives. Only the first `count` come from the top.
    """
    enters = {x: i for i, net in enumerate(nets) for x in net.bottoms}
    below: list[list[int]] = [[] for _ in nets]
    for index, net in enumerate(nets[:count]):
        other = enters.get(net.top, index)
        if other != index:
            below[index].append(other)
    return below


def _split_rings(nets: Sequence[Net]) -> tuple[list[Net], list[Detour]]:
    """Return the nets, with one net of each ring of constraints split in two."""
    pieces = list(nets)
    detours: list[Detour] = []
    taken = {x for net in nets for x in (net.top, *net.bottoms)}
    for ring in _find_rings(_must_be_above(nets, len(nets))):
        index = min(ring, key=lambda i: (nets[i].stop - nets[i].start, i))
        net = nets[index]
        tops = {nets[i].top for i in ring} - {net.top}
        bottom = next(x for x in net.bottoms if x in tops)
        column = _free_column((net.top + bottom) // 2, taken)
        taken.add(column)
        others = tuple(x for x in net.bottoms if x != bottom)
        pieces[index] = replace(net, bottoms=(*others, column))
        detours.append(Detour(index, len(pieces), column))
        pieces.append(Net(net.key, column, (bottom,)))
    return pieces, detours


def _free_column(near: int, taken: set[int]) -> int:
    distance = 0
    while True:
        for column in (near - distance, near + distance):
            if column >= 0 and column not in taken:
                return column
        distance += 1


def _find_rings(below: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the rings; every net has at most one below it."""
    rings: list[list[int]] = []
    seen: dict[int, int] = {}
    for start in range(len(below)):
        path: list[int] = []
        node = start
        while node not in seen:
            seen[node] = start
            path.append(node)
            node = below[node][0] if below[node] else node
        if below[node] and node in path and seen[node] == start:
            rings.append(path[path.index(node) :])
    return rings


def _assign_tracks(
    nets: Sequence[Net], below: Sequence[Sequence[int]], gap: int
) -> dict[int, int]:
    """Return net -> track for the nets that are not straight; 0 is the top."""
    waiting = [0] * len(nets)
    turning = [i for i, net in enumerate(nets) if not net.is_straight]
    for index in turning:
        for other in below[index]:
            waiting[other] += 1
    tracks: dict[int, int] = {}
    ready = _sort_nets([i for i in turning if not waiting[i]], nets)
    track = 0
    while ready:
        placed = _fill_track(ready, nets, gap)
        freed: list[int] = []
        for index in placed:
            tracks[index] = track
            for other in below[index]:
                waiting[other] -= 1
                if not waiting[other]:
                    freed.append(other)
        left = set(ready) - set(placed)
        ready = _sort_nets([*left, *freed], nets)
        track += 1
    return tracks


def _fill_track(ready: Sequence[int], nets: Sequence[Net], gap: int) -> list[int]:
    starts: list[int] = []
    stops: list[int] = []
    placed: list[int] = []
    for index in ready:
        net = nets[index]
        at = bisect_left(starts, net.start)
        is_free_left = at == 0 or stops[at - 1] + gap < net.start
        is_free_right = at == len(starts) or net.stop + gap < starts[at]
        if is_free_left and is_free_right:
            starts.insert(at, net.start)
            stops.insert(at, net.stop)
            placed.append(index)
    return placed


def _sort_nets(indices: Sequence[int], nets: Sequence[Net]) -> list[int]:
    """Sort so that nets which lead the same way nest instead of crossing.

    Of those that lead to the right the rightmost goes on top; of those that lead to
    the left, the leftmost.
    """

    def key(index: int) -> tuple[int, int]:
        net = nets[index]
        leads_right = 2 * net.top < net.start + net.stop
        return (-net.top if leads_right else net.top, index)

    rightward = [i for i in indices if key(i)[0] == -nets[i].top]
    leftward = [i for i in indices if key(i)[0] != -nets[i].top]
    return sorted(leftward, key=key) + sorted(rightward, key=key)
