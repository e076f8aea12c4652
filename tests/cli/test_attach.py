"""`attach` without its interface: which process is meant, and the list of all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from graphscope.debugger.control import ControlServer, open_endpoint
from graphscope.debugger.state import Activity, ProcessState, SeatState
from graphscope.errors import DebuggerError
from graphscope.session.launch import launch_of
from graphscope.storage.writer import RecordingWriter
from tests.cli.conftest import Run

PID = os.getpid()
NONE = (
    "graphscope: No script can be attached to. Start one with `graphscope run "
    "--headless SCRIPT`, or call `gs.serve()` in it. It can be attached to when it has "
    "imported torch.\n"
)
NO_TERMINAL = (
    "graphscope: There is no terminal to open the debugger in: stdin or stdout is not "
    "one. List the scripts in place of it: graphscope attach --list\n"
)


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="gs-")  # short: a socket's name has 107 bytes
    monkeypatch.setenv("GRAPHSCOPE_RUNTIME_DIR", folder)
    yield
    shutil.rmtree(folder)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator["Serve"]:
    found = Serve(tmp_path)
    yield found
    for server in found.servers:
        server.close()


class Serve:
    """Lets this process be attached to, as several that debug something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[ControlServer] = []

    def __call__(self, script: str, seat: SeatState, rank: str = "") -> Path:
        recording = self.folder / f"run{len(self.servers)}.gscope"
        endpoint = open_endpoint(script=script, recording=str(recording), rank=rank)
        state = ProcessState(PID, script, rank, (seat,))
        server = ControlServer(
            endpoint,
            state=lambda: state,
            execute=lambda _: "",
            on_control=lambda _: None,
            on_tick=lambda: None,
        )
        server.start()
        self.servers.append(server)
        return recording


PAUSED = SeatState(0, "MainThread", "", Activity.PAUSED, step=7, site="train.py:3")
RUNNING = replace(PAUSED, activity=Activity.RUNNING, step=12)


@pytest.mark.parametrize("words", [[], ["--list"]])
def test_nothing_to_attach_to_says_how_to_start_something(
    graphscope: Run, words: list[str]
) -> None:
    done = graphscope("attach", *words)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", NONE)


def test_the_list_says_what_every_process_does(graphscope: Run, serve: Serve) -> None:
    train = serve("train.py", PAUSED)
    other = serve("zoo/\x1b[31mgan.py", RUNNING, rank="1 of 2")

    done = graphscope("attach", "--list")

    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = [line.split("  ") for line in done.stdout.splitlines()]
    cells = sorted([cell.strip() for cell in row if cell.strip()] for row in rows)
    assert [cell.strip() for cell in head if cell.strip()] == [
        *("pid", "script", "rank", "state", "recording")
    ]
    assert cells == [
        [f"{PID}", "train.py", "–", "paused in step 7 at train.py:3", str(train)],
        [f"{PID}", "zoo/␛[31mgan.py", "1 of 2", "running in step 12", str(other)],
    ]


def test_without_a_name_the_only_launch_is_meant(graphscope: Run, serve: Serve) -> None:
    serve("train.py", PAUSED, rank="0 of 2")
    serve("again.py", PAUSED, rank="1 of 2")

    done = graphscope("attach")

    # It is found; what is missing here is a terminal.
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NO_TERMINAL)


def test_of_several_launches_one_must_be_named(graphscope: Run, serve: Serve) -> None:
    train, other = serve("train.py", PAUSED), serve("other.py", RUNNING)

    unnamed = graphscope("attach")
    by_file = graphscope("attach", str(train))
    by_relative_file = graphscope("attach", other.name)

    assert (unnamed.returncode, unnamed.stdout) == (1, "")
    first, _heading, *rows, last = unnamed.stderr.splitlines()
    assert first == "graphscope: Several scripts can be attached to:"
    assert {row.split()[1] for row in rows} == {"train.py", "other.py"}
    assert last == f"Name one by its number, such as: graphscope attach {PID}"
    assert by_file.stderr == by_relative_file.stderr == NO_TERMINAL


def test_a_process_that_is_not_there_is_told_with_those_that_are(
    graphscope: Run, serve: Serve
) -> None:
    serve("train.py", PAUSED)

    done = graphscope("attach", "1")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == (
        "graphscope: There is no process 1. Processes that can be attached to:"
    )


def test_a_recording_that_nobody_writes_is_to_be_viewed(
    graphscope: Run, recording: Path
) -> None:
    over = graphscope("attach", recording.name)
    missing = graphscope("attach", "nowhere.gscope")

    assert (over.returncode, over.stdout) == (1, "")
    assert over.stderr == (
        "graphscope: No script writes run.gscope any more. Open it: graphscope view "
        "run.gscope\n"
    )
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == (
        "graphscope: There is no recording nowhere.gscope. Give a process id or the "
        "file that a script records to; graphscope attach --list shows both.\n"
    )


def test_a_recording_without_a_debugger_cannot_be_attached_to(
    graphscope: Run, tmp_path: Path
) -> None:
    writer = RecordingWriter(tmp_path / "run.gscope", environment={})
    try:
        done = graphscope("attach", "run.gscope")
    finally:
        writer.close()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: There is no process that writes 'run.gscope', nor any other that "
        "can be attached to. Start one with `graphscope run --headless`, or call "
        "`gs.serve()` in a script.\n"
    )


def test_a_launch_is_what_trains_together(serve: Serve) -> None:
    from graphscope.debugger.control import list_sessions

    for number in range(2):
        serve(f"rank{number}.py", PAUSED, rank=f"{number} of 2")
        serve(f"alone{number}.py", PAUSED)
    infos = {info.script: info for info in list_sessions()}

    together = launch_of(infos["rank1.py"])
    alone = launch_of(infos["alone0.py"])

    wanted = [str(infos[name].folder) for name in ("rank0.py", "rank1.py")]
    assert sorted(together.find()) == sorted(wanted)
    assert alone.find() == [str(infos["alone0.py"].folder)]
    link = alone.connect(
        alone.find()[0], on_state=lambda _: None, on_lost=lambda _: None
    )
    assert (link.state.script, link.is_controller) == ("alone0.py", True)
    link.close()
    with pytest.raises(DebuggerError, match="The process is gone"):
        alone.connect(wanted[0], on_state=lambda _: None, on_lost=lambda _: None)
