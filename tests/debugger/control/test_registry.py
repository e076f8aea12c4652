"""Finding what can be attached to, and clearing away what was killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import time

import pytest

from graphscope.debugger.control import (
    SessionInfo,
    Transport,
    find_session,
    list_sessions,
    open_endpoint,
)
from graphscope.debugger.control.info import write_info
from graphscope.errors import DebuggerError
from tests.debugger.control.serving import STEP, attached, serving
from tests.waiting import wait_for

SERVE = """
import sys, time
from graphscope.debugger.control import ControlServer, Transport, open_endpoint
from graphscope.debugger.state import ProcessState
endpoint = open_endpoint(script="child.py", transport=Transport(sys.argv[1]))
server = ControlServer(
    endpoint,
    state=lambda: ProcessState(endpoint.info.pid, "child.py"),
    execute=lambda command: "done",
    on_control=lambda is_there: None,
    on_tick=lambda: None,
)
server.start()
print(flush=True)
"""
WAIT = "time.sleep(600)\n"


@contextmanager
def child(
    code: str = SERVE + WAIT, transport: Transport = Transport.UNIX
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, transport],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()
        list_sessions()  # clears away what it left


def sole() -> SessionInfo:
    (info,) = list_sessions()
    return info


def age(path: Path) -> None:
    os.utime(path, (time() - 3600, time() - 3600))


@pytest.mark.parametrize("transport", Transport)
def test_a_process_is_found_and_attached_to_by_its_number(transport: Transport) -> None:
    with child(transport=transport) as process:
        info = find_session(pid=process.pid)
        assert info == sole()
        with attached(info) as client:
            assert client.send(STEP) == "done"
            assert client.state.script == "child.py"


@pytest.mark.parametrize("transport", Transport)
def test_what_a_killed_process_left_is_removed(transport: Transport) -> None:
    with child(transport=transport) as process:
        folder = sole().folder
        process.kill()  # and nobody has asked yet how it ended
        # Its port may be another process's for a while: then nobody touches it.
        wait_for(lambda: not list_sessions() and not folder.exists())


def test_a_stopped_process_is_still_there() -> None:
    with child() as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # it is asynchronous
        assert sole().pid == process.pid
        process.send_signal(signal.SIGCONT)


def test_a_process_that_has_the_number_of_another_one_is_not_taken_for_it() -> None:
    endpoint = open_endpoint(script="t.py")
    write_info(replace(endpoint.info, started="1"))
    # Something listens there: in another container it may have another number.
    assert sole().started == "1"
    endpoint.listener.close()
    assert list_sessions() == ()
    assert not endpoint.info.folder.exists()


def test_a_port_of_a_process_that_has_gone_is_not_taken_for_it() -> None:
    endpoint = open_endpoint(script="t.py", transport=Transport.TCP)
    write_info(replace(endpoint.info, started="1"))
    assert list_sessions() == ()
    assert endpoint.info.folder.exists()  # for somebody listens there
    endpoint.listener.close()
    assert list_sessions() == ()
    assert not endpoint.info.folder.exists()


def test_what_another_machine_left_is_neither_told_nor_removed() -> None:
    endpoint = open_endpoint(script="t.py")
    write_info(replace(endpoint.info, host="elsewhere"))
    assert sole().host == "elsewhere"
    endpoint.listener.close()
    assert list_sessions() == ()
    assert endpoint.info.folder.exists()
    endpoint.close()


def test_a_directory_without_a_description_is_removed_when_it_is_old(
    root: Path,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with serving():
        new, dead = root / f"{gone.pid}-abc", root / f"{gone.pid}-def"
        alive, odd = root / f"{os.getpid()}-abc", root / "notes"
        for folder in (new, dead, alive, odd):
            folder.mkdir(mode=0o700)
        for folder in (dead, alive, odd):
            age(folder)
        sole()
        assert [path.exists() for path in (new, dead, alive, odd)] == [
            True,
            False,
            True,
            True,
        ]


def test_other_things_in_the_root_are_let_alone(root: Path, tmp_path: Path) -> None:
    with serving() as process:
        (root / "file").write_text("")
        (root / "1-link").symlink_to(process.info.folder)
        open_to_all = root / "1-open"
        open_to_all.mkdir()
        open_to_all.chmod(0o755)
        assert sole() == process.info
        assert {path.name for path in root.iterdir()} == {
            "file",
            "1-link",
            "1-open",
            process.info.folder.name,
        }
    assert list(tmp_path.iterdir()) == []


def test_a_process_is_found_by_its_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.gscope"
    with closing(open_endpoint(script="t.py", recording=str(path))) as endpoint:
        (tmp_path / "link").symlink_to(tmp_path)
        monkeypatch.chdir(tmp_path)
        for name in (path, str(path), "run.gscope", tmp_path / "link" / "run.gscope"):
            assert find_session(recording=name) == endpoint.info
        with pytest.raises(DebuggerError) as refused:
            find_session(recording="other.gscope")
        assert str(refused.value) == (
            "There is no process that writes 'other.gscope'. Processes that can be "
            f"attached to:\n  {os.getpid()}  t.py  {path}\nName one of them by its "
            "number."
        )


def test_without_a_name_the_only_process_is_found() -> None:
    with pytest.raises(DebuggerError) as refused:
        find_session()
    assert str(refused.value) == (
        "There is no process to attach to, nor any other that can be attached to. "
        "Start one with `graphscope run --headless`, or call `gs.serve()` in a script."
    )
    with serving() as process:
        assert find_session() == process.info
        with serving(), pytest.raises(DebuggerError) as refused:
            find_session()
        assert str(refused.value) == (
            f"More than one process fits:\n  {os.getpid()}  t.py\n"
            f"  {os.getpid()}  t.py\nName one by its number."
        )


def test_a_list_of_processes_moves_no_cursor() -> None:
    with serving(script="\x1b[2J\n.py") as process, child() as other:
        with pytest.raises(DebuggerError) as refused:
            find_session(pid=1)
        lines = {f"  {process.info.pid}  �[2J�.py", f"  {other.pid}  child.py"}
        assert set(str(refused.value).splitlines()[1:3]) == lines


def test_the_processes_of_one_launch_are_found_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a")
    with serving(script="0") as first, serving(script="1") as second:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "b")
        with serving(script="2") as other:
            together = [i for i in list_sessions() if i.group == second.info.group]
            assert together == [first.info, second.info]
            assert other.info.group != second.info.group
            assert other.info in list_sessions()
