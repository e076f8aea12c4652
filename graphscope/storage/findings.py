"""Which steps a recording keeps longest when it has to be thinned.

Separate, because it is the one judgement about a step in this folder. Every step is
asked, so the question goes to its bytes, not to one object for each tensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from graphscope.model.observation import Array, Observation
from graphscope.model.packed import PackedNumbers
from graphscope.model.trace import Status, Trace
from graphscope.storage.layout import COUNT, STATS, DType, Kept, SlotTable

_INEXACT: Final = "fc"  # kinds of NumPy dtypes that know NaN and Inf
_COUNT: Final = np.dtype("<i8")
_COUNTS_AT: Final = STATS.size - 2 * _COUNT.itemsize  # `nans` and `infs` end them
_MOST_GATHERED: Final = 4096  # elements; more side by side are looked at in place
_KEPT_PATTERNS: Final = 8

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the bytes of steps with one pattern of status bytes can hold a finding.

    Attributes:
        gathered: Dtype, offset below its size, and which elements from there on.
        runs: Dtype, offset and number of elements that lie side by side.
        others: Slots that must be decoded.
    """

    gathered: tuple[tuple[DType, int, Places], ...]
    runs: tuple[tuple[DType, int, int], ...]
    others: tuple[int, ...]


def has_finding(trace: Trace, scan: "NumberScan", body: bytes) -> bool:
    """Whether a step shows something suspicious.

    It was aborted, has a gap, or a tensor in it holds a NaN or an Inf.

    Args:
        trace: The step.
        scan: The scan of its graph.
        body: Its encoded numbers.
    """
    if trace.status is Status.ABORTED or trace.graph.gaps:
        return True
    seen = trace.observations
    if isinstance(seen, PackedNumbers) and seen.is_finite:
        return False  # known since it was read
    return scan.has_nonfinite(body, seen)


class NumberScan:
    """Looks for NaN and Inf in the bytes of steps that share one graph."""

    def __init__(self, table: SlotTable) -> None:
        self._table = table
        self._plans: dict[bytes, _Plan] = {}

    def has_nonfinite(
        self, body: bytes, observations: Sequence[Observation | None]
    ) -> bool:
        """Whether any tensor in `body` holds a NaN or an Inf."""
        start = COUNT.size + COUNT.size * COUNT.unpack_from(body)[0]
        end = start + len(self._table)
        plan = self._find_plan(body[start:end])
        return (
            any(_is_bad(_view(body, end + at, d)[i]) for d, at, i in plan.gathered)
            or any(
                _is_bad(np.frombuffer(body, d, n, end + at)) for d, at, n in plan.runs
            )
            or any(_is_odd(observations[slot]) for slot in plan.others)
        )

    def _find_plan(self, statuses: bytes) -> _Plan:
        found = self._plans.get(statuses)
        if found is None:
            found = self._make_plan(statuses)
            if len(self._plans) >= _KEPT_PATTERNS:
                self._plans.pop(next(iter(self._plans)))
            self._plans[statuses] = found
        return found

    def _make_plan(self, statuses: bytes) -> _Plan:
        offsets = self._table.offsets(statuses).tolist()
        gathered: dict[tuple[DType, int], list[Places]] = {}
        runs: list[tuple[DType, int, int]] = []
        for slot, kept in enumerate(statuses):
            at, count, dtype = offsets[slot], 0, self._table.dtypes[slot]
            if kept == Kept.STATS:
                at, count, dtype = at + _COUNTS_AT, 2, _COUNT
            elif kept == Kept.WHOLE and dtype is not None and dtype.kind in _INEXACT:
                count = (offsets[slot + 1] - at) // dtype.itemsize
            if dtype is None or not count:
                continue
            if count > _MOST_GATHERED:
                runs.append((dtype, at, count))
                continue
            first, rest = divmod(at, dtype.itemsize)
            places = np.arange(first, first + count)
            gathered.setdefault((dtype, rest), []).append(places)
        return _Plan(
            tuple((d, at, np.concatenate(p)) for (d, at), p in gathered.items()),
            tuple(runs),
            tuple(i for i, kept in enumerate(statuses) if kept == Kept.OTHER),
        )


def _view(body: bytes, at: int, dtype: DType) -> Array:
    """Return all of `body` from `at` on, as numbers of one dtype."""
    count = (len(body) - at) // dtype.itemsize
    numbers: Array = np.frombuffer(body, dtype, count, at)
    return numbers


def _is_bad(numbers: Array) -> bool:
    """Whether one is not finite or, of counts, not 0."""
    if numbers.dtype == _COUNT:
        return bool(numbers.any())
    return not np.isfinite(numbers).all()


def _is_odd(seen: Observation | None) -> bool:
    if seen is None:
        return False
    if seen.summary is not None and not seen.summary.is_finite:
        return True
    data = seen.data
    return (
        data is not None and data.dtype.kind in _INEXACT and not np.isfinite(data).all()
    )
