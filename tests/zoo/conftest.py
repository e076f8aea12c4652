"""The clean net for the zoo; see `tests.capture.conftest`."""

import pytest

from tests.capture.conftest import _nothing_is_left_behind

pytest.register_assert_rewrite("tests.zoo.watching", "tests.zoo.asking")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fork first: autograd's threads, which other tests start, do not survive it.

    A child whose parent had such threads waits for them in its backward for ever.
    """
    items.sort(key=lambda item: "forked" not in item.name)


__all__ = ["_nothing_is_left_behind"]
