"""Breakpoints and watches of a script, from one run to the next."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from graphscope.debugger.saved import (
    FOLDER_VARIABLE,
    Saved,
    SavedBreakpoint,
    _decode,
    load_saved,
    saved_path,
    store_saved,
)
from graphscope.errors import DebuggerError

SAVED = Saved(
    (
        SavedBreakpoint("fc1 if loss > 1"),
        SavedBreakpoint("'σ' hit 3", is_enabled=False),
    ),
    ("w.grad.l2", "loss"),
)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "train.py"


def test_what_is_stored_is_loaded(script: Path) -> None:
    assert load_saved(script) == Saved()
    store_saved(script, SAVED)
    assert load_saved(script) == SAVED
    assert load_saved(script.with_name("other.py")) == Saved()
    store_saved(script, Saved(watches=("loss",)))
    assert load_saved(script) == Saved(watches=("loss",))


def test_a_script_is_its_real_path(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_saved(script, SAVED)
    link = script.with_name("link.py")
    script.touch()
    link.symlink_to(script)
    assert load_saved(link) == SAVED
    monkeypatch.chdir(script.parent)
    assert load_saved(Path("train.py")) == SAVED
    assert load_saved(Path("./x/../train.py")) == SAVED


def test_nobody_else_may_read_it(script: Path) -> None:
    store_saved(script, SAVED)
    path = saved_path(script)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "train" not in path.name
    assert path.name.endswith(".json")


def test_nothing_leaves_no_file(script: Path) -> None:
    store_saved(script, Saved())
    store_saved(script, SAVED)
    store_saved(script, Saved())
    assert list(saved_path(script).parent.iterdir()) == []


def test_no_draft_is_left_behind(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_saved(script, SAVED)

    def refuse(_self: Path, _target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DebuggerError, match=r"not saved for the next run: .*denied"):
        store_saved(script, Saved(watches=("loss",)))
    assert load_saved(script) == SAVED
    assert list(saved_path(script).parent.iterdir()) == [saved_path(script)]


def test_a_folder_that_cannot_be_made_is_told(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.touch()
    monkeypatch.setenv(FOLDER_VARIABLE, str(script))
    with pytest.raises(DebuggerError, match=f"another folder in {FOLDER_VARIABLE}"):
        store_saved(script, SAVED)
    assert load_saved(script).problem.startswith("The saved breakpoints cannot be read")


def test_without_the_variable_it_is_the_users_own_folder(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", str(script.parent / "xdg"))
    path = saved_path(script)
    assert path.parts[-3:-1] == ("graphscope", "debugger")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 2, "breakpoints": [], "watches": []}',
        b'{"format": 1, "breakpoints": []}',
        b'{"format": 1, "breakpoints": {}, "watches": []}',
        b'{"format": 1, "breakpoints": [], "watches": [3]}',
        b'{"format": 1, "watches": [], "breakpoints": [{"text": 3, "is_enabled": 1}]}',
        b"[" * 100_000,
        b" " * (2 << 20),
    ],
)
def test_a_damaged_file_is_nothing_and_a_message(script: Path, data: bytes) -> None:
    store_saved(script, SAVED)
    saved_path(script).write_bytes(data)
    found = load_saved(script)
    assert replace_problem(found) == Saved()
    assert found.problem.startswith("The saved breakpoints are damaged (")
    assert found.problem.endswith(f"and were left out: {saved_path(script)}")


def replace_problem(saved: Saved) -> Saved:
    return Saved(saved.breakpoints, saved.watches)


def test_one_that_cannot_be_read_does_not_cost_the_others(script: Path) -> None:
    store_saved(script, SAVED)
    data = json.loads(saved_path(script).read_bytes())
    data["breakpoints"][:0] = [
        {"text": "op:", "is_enabled": True},
        {"text": "fc1"},
        "fc1",
    ]
    data["watches"].append("w.grad.l3")
    saved_path(script).write_text(json.dumps(data))
    assert load_saved(script) == Saved(
        SAVED.breakpoints,
        SAVED.watches,
        "4 of the saved breakpoints and watches cannot be read.",
    )


def test_there_are_never_more_than_the_table_takes(script: Path) -> None:
    many = Saved(
        tuple(SavedBreakpoint(f"a{i}") for i in range(150)),
        tuple(f"loss > {i}" for i in range(60)),
    )
    store_saved(script, many)
    found = load_saved(script)
    assert (len(found.breakpoints), len(found.watches)) == (100, 50)
    assert found.problem.startswith("60 of the saved")


def test_a_script_that_no_file_can_be_is_told(script: Path) -> None:
    nul = Path(f"{script}\0")
    assert load_saved(nul).problem.startswith("The saved breakpoints cannot be read")
    with pytest.raises(DebuggerError):
        store_saved(nul, SAVED)


@pytest.mark.skipif(os.name == "nt", reason="bytes are names on POSIX only")
def test_a_name_that_is_no_text_is_a_name_all_the_same(script: Path) -> None:
    odd = script.with_name("tr\udcffain.py")
    store_saved(odd, SAVED)
    assert load_saved(odd) == SAVED


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = _decode(data)
    except ValueError:
        return
    assert isinstance(found, Saved)
