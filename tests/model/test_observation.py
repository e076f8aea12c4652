"""Statistics of a tensor, also of memory that nobody has written."""

import numpy as np

from graphscope.model.numbers import format_stats
from graphscope.model.observation import summarize


def test_a_signalling_nan_is_counted_without_a_warning() -> None:
    bits = np.array([0x7FA00000, 0x3F800000], dtype=np.uint32)

    stats = summarize(bits.view(np.float32))

    assert (stats.nans, stats.mean) == (1, 1.0)


def test_what_has_no_finite_element_has_no_mean() -> None:
    bad = (np.full(9, -np.inf), np.array([np.nan, np.inf]), np.array([np.nan, 2.0]))

    assert [format_stats(summarize(data)) for data in bad] == [
        "9 Inf",
        "1 NaN 1 Inf",
        "μ 2 σ 0 1 NaN",
    ]
