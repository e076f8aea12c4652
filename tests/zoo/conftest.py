"""The clean net for the zoo; see `tests.capture.conftest`."""

import pytest

from tests.capture.conftest import _nothing_is_left_behind

pytest.register_assert_rewrite("tests.zoo.watching", "tests.zoo.asking")

__all__ = ["_nothing_is_left_behind"]
