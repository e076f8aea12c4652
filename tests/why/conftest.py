import pytest

from graphscope.analysis.findings import finder
from graphscope.capture import holders

collect_ignore = ["cases"]


@pytest.fixture(autouse=True)
def _checks_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that fails on a program of ours has a fault; users only miss it."""
    monkeypatch.setattr(finder, "UNFIT", ())


@pytest.fixture(autouse=True)
def _searches_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the process of all tests one garbage collection takes longer than a search."""
    monkeypatch.setattr(holders, "_LONGEST_S", 60.0)
