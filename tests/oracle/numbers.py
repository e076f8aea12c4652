"""Whether an observation is of a given array: bit for bit, or by its statistics."""

import math
from typing import Final

import numpy as np

from graphscope.model.observation import Observation, Stats
from tests.oracle.reading import Numbers

_WIDE: Final = (np.float64, np.complex128, np.int64, np.int32, np.int16, np.int8)
_SLACK: Final = 4.0


def differs(seen: Observation, wanted: Numbers) -> str:
    """Say how `seen` differs from the array `wanted`; empty when it does not."""
    if seen.data is not None:
        return _differs_whole(seen.data, wanted)
    if seen.summary is not None:
        return _differs_stats(seen.summary, wanted)
    return ""


def is_read(seen: Observation) -> bool:
    """Whether there are numbers or statistics in `seen` at all."""
    return seen.data is not None or seen.summary is not None


def _differs_whole(data: Numbers, wanted: Numbers) -> str:
    if (data.shape, data.dtype) != (wanted.shape, wanted.dtype):
        kinds = f"{data.dtype}{list(data.shape)}", f"{wanted.dtype}{list(wanted.shape)}"
        return f"is {kinds[0]} instead of {kinds[1]}"
    if np.ascontiguousarray(data).tobytes() == np.ascontiguousarray(wanted).tobytes():
        return ""
    unequal = ~((data == wanted) | ((data != data) & (wanted != wanted)))  # noqa: PLR0124
    return f"{int(unequal.sum())} of {wanted.size} numbers differ"


def _differs_stats(stats: Stats, wanted: Numbers) -> str:
    """Compare counts exactly and sums to what rounding can do to them.

    A sum of n numbers of at most m is off by at most n * eps * m for any order of
    summation. It may run in the tensor's own precision (float32 for anything narrower);
    std is compared squared, because a root magnifies what cancellation leaves. The
    magnitude of a complex number is itself rounded, by at most 2 eps.
    """
    flat = np.abs(wanted).ravel() if np.iscomplexobj(wanted) else wanted.ravel()
    wide = flat.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    counts = (
        wide.size,
        *(int(c.sum()) for c in (wide == 0, np.isnan(wide), np.isinf(wide))),
    )
    if counts != (stats.numel, stats.zeros, stats.nans, stats.infs):
        found = (stats.numel, stats.zeros, stats.nans, stats.infs)
        return f"counts {found} instead of {counts}"
    if not finite.size:
        return "" if math.isnan(stats.minimum) else "has a minimum of nothing"
    eps = np.finfo(np.float64 if wanted.dtype.type in _WIDE else np.float32).eps
    top = float(np.abs(finite).max())
    bound = _SLACK * finite.size * float(eps) * top
    exact = 2 * float(eps) * top if np.iscomplexobj(wanted) else 0.0
    checks = {
        "minimum": (stats.minimum, float(finite.min()), exact),
        "maximum": (stats.maximum, float(finite.max()), exact),
        "mean": (stats.mean, float(finite.mean()), bound),
        "l2": (stats.l2, float(np.linalg.norm(finite)), bound),
        "variance": (stats.std**2, float(finite.var()), bound * top),
    }
    for name, (found_number, true_number, tolerance) in checks.items():
        if not _is_close(found_number, true_number, tolerance):
            return f"{name} is {found_number!r} instead of {true_number!r}"
    return ""


def _is_close(found: float, wanted: float, tolerance: float) -> bool:
    if not math.isfinite(wanted) or not math.isfinite(tolerance):
        return not math.isfinite(found) or found == wanted
    return abs(found - wanted) <= tolerance
