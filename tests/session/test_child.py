"""A script's process: its log, its end, and that it needs nobody to go on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.session import child as child_module
from graphscope.session.child import Child, start_child
from graphscope.session.live_options import LiveOptions
from graphscope.session.order import Order
from graphscope.session.target import ScriptTarget
from graphscope.storage.schema import DEFAULT_MAX_BYTES
from tests.waiting import wait_for

DEADLINE_S = 90.0


def start(folder: Path, source: str, *argv: str) -> Child:
    script, output = folder / "train.py", folder / "train.gscope"
    script.write_text(source)
    target = ScriptTarget(str(script), argv)
    order = Order(target, output, True, DEFAULT_MAX_BYTES, LiveOptions())
    return start_child(order)


def read_log(folder: Path) -> str:
    return (folder / "train.gscope.log").read_text()


def test_stdout_and_stderr_are_in_the_log_and_stdin_is_empty(tmp_path: Path) -> None:
    (tmp_path / "train.gscope.log").write_text("of an earlier run\n")
    source = (
        "import os, sys\nprint(sys.argv[1:], sys.stdin.read() == '')\n"
        "sys.stderr.write('oh\\n')\nos.system('echo from a command')\n"
        "print(os.getsid(0) == os.getpid(), sorted(os.listdir('/proc/self/fd')))\n"
        "sys.exit(7)"
    )

    child = start(tmp_path, source, "--lr", "3")

    assert child.wait(DEADLINE_S) == child.poll() == 7
    assert child.describe_end() == "exit code 7"
    assert read_log(tmp_path) == (
        "['--lr', '3'] True\noh\nfrom a command\nTrue ['0', '1', '2', '3']\n"
    )


def test_a_line_is_in_the_log_as_soon_as_it_was_printed(tmp_path: Path) -> None:
    child = start(tmp_path, "import time\nprint('here')\ntime.sleep(600)")

    wait_for(lambda: read_log(tmp_path) == "here\n")

    assert (child.poll(), child.describe_end()) == (None, "")
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(DEADLINE_S) == -signal.SIGKILL
    assert child.describe_end() == "killed by SIGKILL"


def test_a_script_that_does_not_listen_is_ended_more_firmly_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "PATIENCE_S", 0.0)
    source = (
        "import signal, time\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, lambda n, _: print(signal.Signals(n).name))\n"
        "print('ready')\n"
        "while True: time.sleep(0.01)\n"
    )
    child = start(tmp_path, source)
    wait_for(lambda: read_log(tmp_path) == "ready\n")

    child.stop()
    wait_for(lambda: read_log(tmp_path) == "ready\nSIGINT\n")
    child.stop()
    wait_for(lambda: read_log(tmp_path) == "ready\nSIGINT\nSIGTERM\n")
    child.stop()

    assert child.wait(DEADLINE_S) == -signal.SIGKILL
    child.stop()  # nobody is there any more: nothing happens


def test_a_script_is_not_hurried(tmp_path: Path) -> None:
    source = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('SIGINT'))\n"
        "print('ready')\n"
        "time.sleep(600)\n"
    )
    child = start(tmp_path, source)
    wait_for(lambda: read_log(tmp_path) == "ready\n")

    for _ in range(5):
        child.stop()

    wait_for(lambda: read_log(tmp_path) == "ready\nSIGINT\n")
    assert child.poll() is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait(DEADLINE_S)


PARENT = """\
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.session.test_child import start
SOURCE = '''
import time, pathlib
while not pathlib.Path("go_on").exists(): time.sleep(0.01)
for _ in range(2000): print("x" * 100)
pathlib.Path("done").touch()
'''
print(start(Path(sys.argv[1]), SOURCE).pid, flush=True)
time.sleep(600)
"""


def test_a_script_goes_on_when_whoever_started_it_is_killed(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), root],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 0
        parent.kill()
    (tmp_path / "go_on").touch()

    wait_for((tmp_path / "done").exists)

    assert read_log(tmp_path) == f"{'x' * 100}\n" * 2000


def test_a_script_that_is_let_go_leaves_no_warning(tmp_path: Path) -> None:
    child = start(tmp_path, "import time\nprint('here')\ntime.sleep(600)")
    pid = child.pid
    wait_for(lambda: read_log(tmp_path) == "here\n")

    child.let_go()
    del child  # a warning of a process that still runs would fail the test

    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[0] == pid
