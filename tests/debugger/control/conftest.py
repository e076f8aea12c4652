"""Every test has a runtime directory of its own, and must leave nothing running."""

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphscope.debugger.control.places import OVERRIDE
from tests.debugger.control.serving import open_files, own_threads
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Short, unlike `tmp_path`: the name of a socket has 107 bytes.
    parent = Path(tempfile.mkdtemp(prefix="gs-"))
    monkeypatch.setenv(OVERRIDE, str(parent / "r"))
    yield parent / "r"
    shutil.rmtree(parent)


@pytest.fixture(autouse=True)
def _leaves_nothing(root: Path) -> Iterator[None]:
    gc.collect()
    before = open_files()
    yield
    wait_for(lambda: not own_threads())
    wait_for(lambda: open_files() <= before)
    assert not root.is_dir() or not list(root.glob("*/control.sock"))
