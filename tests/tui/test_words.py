"""Numbers in a few characters."""

import numpy as np
import pytest

from graphscope.model.observation import Observation
from graphscope.tui.words import short_text

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([1.0, 2.0], "μ 1.5"),
        ([1.0, INF], "μ 1 !"),
        ([-INF, -INF], "all Inf !"),
        ([NAN, NAN], "all NaN !"),
        ([NAN, INF], "all NaN or Inf !"),
        ([], "empty"),
    ],
)
def test_an_infinite_tensor_is_not_called_nan(data: list[float], text: str) -> None:
    assert short_text(Observation(np.array(data))) == text
