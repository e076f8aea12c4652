"""The directory and the socket of a process: for its owner only."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from graphscope.debugger.control import (
    Endpoint,
    Transport,
    list_sessions,
    open_endpoint,
    places,
)
from graphscope.debugger.control.info import read_info
from graphscope.debugger.control.places import OVERRIDE, list_roots
from graphscope.errors import DebuggerError
from tests.debugger.control.serving import Raw, serving


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> str:
    return stat.filemode(path.lstat().st_mode)


def open_refusal() -> str:
    with pytest.raises(DebuggerError) as refused:
        open_endpoint(script="t.py").close()
    return str(refused.value)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277])
def test_everything_is_for_its_owner_only_whatever_the_umask(
    mask: int, root: Path
) -> None:
    with umask(mask), serving(Transport.TCP) as tcp, serving() as unix:
        with Raw(unix.info) as raw:
            raw.pour(b"\xff" * 8)
            raw.read_rest()
        assert mode(root) == "drwx------"
        modes = {path.name: mode(path) for path in unix.info.folder.iterdir()}
        assert modes == {
            "control.log": "-rw-------",
            "control.sock": "srw-------",
            "session.json": "-rw-------",
        }
        modes = {path.name: mode(path) for path in tcp.info.folder.iterdir()}
        assert modes == {"session.json": "-rw-------", "token": "-rw-------"}
        assert mode(tcp.info.folder) == mode(unix.info.folder) == "drwx------"


def test_the_mask_of_the_process_stays_as_it_is() -> None:
    with umask(0o013), serving():
        assert os.umask(0o013) == 0o013


def test_tcp_listens_on_this_machine_only_and_asks_for_256_bits() -> None:
    with serving(Transport.TCP) as first, serving(Transport.TCP) as second:
        address = first.endpoint.listener.getsockname()
        assert address == ("127.0.0.1", first.info.port)
        assert len(bytes.fromhex(first.info.token)) == 32
        assert first.info.token != second.info.token
        assert first.info.token not in repr(first.info)
        told = first.info.folder.joinpath("session.json").read_text()
        assert first.info.token not in told


def test_what_is_told_is_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.chdir("/")
    endpoint = open_endpoint(script="é\n.py", recording="a/run.gscope", rank="1 of 2")
    assert endpoint.info.recording == "/a/run.gscope"
    assert endpoint.info.group == "none 29500"
    assert endpoint.info.pid == os.getpid()
    assert list_sessions() == (endpoint.info,)
    endpoint.describe(recording="other.gscope", rank="0 of 1")
    assert (endpoint.info.recording, endpoint.info.rank) == ("/other.gscope", "0 of 1")
    assert list_sessions() == (endpoint.info,)
    endpoint.close()
    endpoint.describe(rank="9 of 9")
    assert list_sessions() == ()


def test_processes_of_one_launch_share_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.delenv("RANK", raising=False)
    with serving() as process:
        assert process.info.group == f"process {os.getpid()}"
    monkeypatch.setenv("RANK", "0")
    with serving() as process:
        assert process.info.group == f"parent {os.getppid()}"
    monkeypatch.setattr(os, "getppid", lambda: 1)
    with serving() as process:
        assert process.info.group == f"process {os.getpid()}"


def test_a_root_that_others_may_use_is_refused(root: Path) -> None:
    root.mkdir(mode=0o755)
    root.chmod(0o755)
    assert open_refusal() == (
        f"The debugger's channel was not opened: '{root}' is no private directory: "
        "others may use it. Remove it, or set GRAPHSCOPE_RUNTIME_DIR to a directory "
        "that only you may read."
    )
    assert mode(root) == "drwxr-xr-x"
    assert list_sessions() == ()


def test_a_root_that_is_a_link_is_refused(root: Path) -> None:
    target = root.with_name("elsewhere")
    target.mkdir(mode=0o700)
    root.symlink_to(target)
    assert "it is a link or a file" in open_refusal()
    assert list(target.iterdir()) == []


def test_a_root_that_is_a_file_is_refused(root: Path) -> None:
    root.write_text("")
    assert "it is a link or a file" in open_refusal()


def test_a_root_of_somebody_else_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.mkdir(mode=0o700)
    us = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    assert "it belongs to somebody else" in open_refusal()
    assert list_sessions() == ()


def test_a_root_that_anybody_may_replace_is_refused(root: Path) -> None:
    root.parent.chmod(0o777)
    assert "anybody may replace it" in open_refusal()
    root.parent.chmod(0o1777)
    open_endpoint(script="t.py").close()


def test_a_root_that_cannot_be_made_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.write_text("")
    monkeypatch.setenv(OVERRIDE, str(root / "below"))
    assert "it cannot be made" in open_refusal()
    monkeypatch.setenv(OVERRIDE, "a\udc80")  # any name that a file can have
    assert [str(root) for root in list_roots()] == [str(Path("a\udc80").absolute())]


def test_a_directory_in_which_nothing_can_listen_is_removed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(_: socket.socket, __: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("socket.socket.bind", bind, raising=False)
    assert "nothing can listen in" in open_refusal()
    assert list(root.iterdir()) == []


def test_a_root_too_long_for_a_socket_is_replaced_by_a_shorter_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = root.with_name("s")
    monkeypatch.setattr(places, "_SHARED_TEMP", shared)
    monkeypatch.setenv(OVERRIDE, str(root / ("x" * 80)))
    with serving() as process:
        assert process.info.folder.parent == shared / f"graphscope-{os.geteuid()}"
        assert list_sessions() == (process.info,)
    with serving(Transport.TCP) as process:  # needs no name
        assert process.info.folder.parent == root / ("x" * 80)
        assert list_sessions() == (process.info,)


@pytest.mark.parametrize("length", range(60, 90))
def test_a_root_at_the_limit_gives_a_socket_that_works(length: int, root: Path) -> None:
    long = root.with_name("y" * (length - len(str(root.parent)) - 1))
    assert len(str(long)) == length
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OVERRIDE, str(long))
        patch.setattr(places, "_SHARED_TEMP", root.parent)
        open_endpoint(script="t.py").close()


def test_the_runtime_directory_is_used_when_it_is_ours_and_private(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = root.with_name("s")
    home = root.with_name("x")
    home.mkdir(mode=0o700)
    monkeypatch.delenv(OVERRIDE)
    monkeypatch.setattr(places, "_SHARED_TEMP", shared)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    own = shared / f"graphscope-{os.geteuid()}"
    assert [list_roots()[0], list_roots()[-1]] == [home / "graphscope", own]
    with serving() as process:
        assert process.info.folder.parent == home / "graphscope"
        monkeypatch.setenv("XDG_RUNTIME_DIR", "")
        assert list_sessions() == ()
    home.chmod(0o755)
    for value in (str(home), "relative", "", str(home / "missing")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert home / "graphscope" not in list_roots()
    with serving() as process:
        assert process.info.folder.parent == own


def test_what_others_could_have_written_is_not_read(root: Path) -> None:
    with serving() as process:
        told = process.info.folder / "session.json"
        told.chmod(0o644)
        assert list_sessions() == ()
        told.chmod(0o600)
        assert list_sessions() == (process.info,)
        told.replace(root / "moved")
        told.symlink_to(root / "moved")
        assert list_sessions() == ()
        told.unlink()
        os.mkfifo(told, 0o600)  # opening must not wait for somebody who writes
        assert list_sessions() == ()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"pid": 0},
        {"pid": "1"},
        {"transport": "http"},
        {"port": 65536},
        {"script": 7},
        {"script": "x" * 5000},
        {"has_token": "no"},
        {"has_token": True},
        {"socket": "/elsewhere"},
    ],
)
def test_a_description_of_another_form_is_none(change: dict[str, object]) -> None:
    with serving() as process:
        told = process.info.folder / "session.json"
        content = json.loads(told.read_text())
        told.write_text(json.dumps({**content, **change}))
        assert read_info(process.info.folder) is None
        told.write_text("[" * 70_000)
        assert read_info(process.info.folder) is None
        told.write_text(json.dumps(content))
        assert read_info(process.info.folder) == process.info


def test_a_full_disk_leaves_the_description_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with serving() as process:
        monkeypatch.setattr(Path, "replace", fail)
        process.endpoint.describe(rank="1 of 2")
        monkeypatch.undo()
        assert sorted(path.name for path in process.info.folder.iterdir()) == [
            "control.sock",
            "session.json",
        ]
        found = read_info(process.info.folder)
        assert found is not None
        assert found.rank == ""


def test_closing_leaves_files_that_are_not_ours() -> None:
    endpoint: Endpoint = open_endpoint(script="t.py")
    kept = endpoint.info.folder / "notes.txt"
    kept.write_text("mine")
    endpoint.close()
    assert [path.name for path in endpoint.info.folder.iterdir()] == ["notes.txt"]
