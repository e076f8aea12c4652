"""Statistics of a tensor, also of memory that nobody has written."""

import numpy as np

from graphscope.model.observation import summarize


def test_a_signalling_nan_is_counted_without_a_warning() -> None:
    bits = np.array([0x7FA00000, 0x3F800000], dtype=np.uint32)

    stats = summarize(bits.view(np.float32))

    assert (stats.nans, stats.mean) == (1, 1.0)
