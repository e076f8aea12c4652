"""How a debugged script ends, where that could tell of us."""

from pathlib import Path

from tests.session.comparing import LIVE, PLAIN, run_as

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
