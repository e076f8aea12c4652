"""How a debugged script ends, where that could tell of us."""

import signal
from pathlib import Path

from tests.session.comparing import LIVE, PLAIN, run_as
from tests.session.driving import (
    driven,
    private_places,  # noqa: F401 - a fixture
)

LAST_WORDS = """\
import os, sys, threading
import torch

class Farewell:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("freed", self.name, (torch.ones(2) * 3).sum().item())

kept = Farewell("at the end")
w = torch.ones(2, requires_grad=True)

def train():
    (w * 6).sum().backward()

thread = threading.Thread(target=train)
thread.start()
thread.join()
train()

def leave(gradient):
    child = os.fork()
    if not child:
        raise KeyError("in a child")
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

h = w * 2
h.register_hook(leave)
h.sum().backward()
print(w.grad)
del h
"""


def test_what_a_script_says_at_its_end_is_what_python_says(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LAST_WORDS)
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "train.py", output=output)
    live = run_as(LIVE, tmp_path, "train.py", output=output)

    # 6 from each of the two, and 2; the child's is kept by its backward
    assert plain.out == "1\ntensor([14., 14.])\nfreed at the end 6.0\n"
    assert plain.err.count("Traceback") == 1
    assert "KeyError: 'in a child'" in plain.err
    assert live == plain


THREADS = """\
import threading
import time
import torch

def train():
    threading.main_thread().join()  # the script is over
    w = torch.ones(2, requires_grad=True)
    begun.set()
    loss = (w * 3).sum()
    loss.backward()
    print(w.grad)

begun = threading.Event()
thread = threading.Thread(target=train, name="late", daemon=DAEMON)
thread.start()
"""


def test_a_thread_that_begins_to_train_after_the_script_is_held(tmp_path: Path) -> None:
    live = "{'waits': True, 'breakpoints': ('loss',)}"
    source = THREADS.replace("DAEMON", "False")
    with driven(tmp_path, source, live=live) as run:
        at = run.paused(1)
        assert (at.thread, at.title) == ("late", "loss = sum")
        assert run.state.ending == ""
        assert run.go() == 0
        assert "tensor([3., 3.])\n" in run.output()


def test_a_daemon_that_is_held_when_the_process_ends_may_finish(tmp_path: Path) -> None:
    live = "{'waits': True, 'breakpoints': ('loss',)}"
    source = THREADS.replace("DAEMON", "True").replace("    threading.main", "    #")
    source += "import os\nbegun.wait()\n"
    source += "while not os.path.exists('held'): time.sleep(0.01)\n"
    with driven(tmp_path, source, live=live) as run:
        run.paused(1)
        (tmp_path / "held").touch()
        assert run.ended() == 0
        assert "tensor([3., 3.])\n" in run.output()


def test_an_interrupt_while_training_is_held_shows_the_script_alone(
    tmp_path: Path,
) -> None:
    source = "import torch\nw = torch.ones(2)\n"
    with driven(tmp_path, source) as run:
        run.paused()
        run.process.send_signal(signal.SIGINT)
        assert run.ended() == -signal.SIGINT
        shown = run.output()
    assert "KeyboardInterrupt" in shown
    assert "seat.py" not in shown
