"""What was seen of a tensor at one moment: the numbers, or their statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, nan, sqrt
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

WHOLE_ELEMENTS = 256
"""Tensors up to this many elements are kept whole, larger ones as statistics."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of a tensor.

    `minimum`, `maximum`, `mean`, `std` (population) and `l2` are taken over the finite
    elements, so that one NaN does not hide all the rest; they are NaN when there is no
    finite element. `numel`, `zeros`, `nans` and `infs` count elements.
    """

    numel: int
    minimum: float
    maximum: float
    mean: float
    std: float
    l2: float
    zeros: int
    nans: int
    infs: int

    @property
    def is_finite(self) -> bool:
        """Whether no element is NaN or infinite."""
        return self.nans == 0 and self.infs == 0


def summarize(data: Array) -> Stats:
    """Compute the statistics of `data`, of any shape and numeric or bool dtype.

    Complex numbers are summarised by magnitude.

    >>> summarize(np.array([3.0, -4.0, np.inf])).l2
    5.0
    """
    flat = np.abs(data).ravel() if np.iscomplexobj(data) else data.ravel()
    with np.errstate(invalid="ignore"):  # memory never written may hold any bits
        wide = flat.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    nans = int(np.isnan(wide).sum())
    infs = int(wide.size - finite.size - nans)
    zeros = int((wide == 0).sum())
    if finite.size == 0:
        return Stats(wide.size, nan, nan, nan, nan, nan, zeros, nans, infs)
    with np.errstate(over="ignore", invalid="ignore"):
        return Stats(
            numel=wide.size,
            minimum=float(finite.min()),
            maximum=float(finite.max()),
            mean=float(finite.mean()),
            std=float(finite.std()),
            l2=sqrt(total) if isfinite(total := float(finite @ finite)) else total,
            zeros=zeros,
            nans=nans,
            infs=infs,
        )


@dataclass(frozen=True)
class Observation:
    """The numbers of one tensor at one moment.

    Either `data` (the whole tensor, its own shape and NumPy dtype; bfloat16 and float8
    are widened to float32) or `summary` (its statistics) is set, or neither: then the
    tensor was of a kind that cannot be read, and only shape and dtype are known.
    """

    data: Array | None = None
    summary: Stats | None = None

    @classmethod
    def from_stats(cls, fields: Sequence[Any]) -> Self:
        """Return an observation of the statistics `fields`, in the order of `Stats`."""
        return cls(summary=Stats(*fields))

    @cached_property
    def stats(self) -> Stats | None:
        """The statistics, computed on demand for tensors that were kept whole."""
        if self.data is not None:
            return summarize(self.data)
        return self.summary

    @property
    def scalar(self) -> float | complex | None:
        """The number, when the tensor has exactly one element, else None."""
        if self.data is None or self.data.size != 1:
            return None
        item: float | complex = self.data.reshape(()).item()
        return item
