import pytest

from graphscope.analysis.findings import finder

collect_ignore = ["cases"]


@pytest.fixture(autouse=True)
def _checks_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that fails on a program of ours has a fault; users only miss it."""
    monkeypatch.setattr(finder, "UNFIT", ())
