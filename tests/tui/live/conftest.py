from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.live.fakes import FakeTraining


@pytest.fixture
def training(tmp_path: Path) -> Iterator[FakeTraining]:
    """Return a training that runs, and has recorded nothing yet."""
    made = FakeTraining(tmp_path / "run.gscope")
    yield made
    made.close()
