"""However a script ends, it ends as under plain python: text, exit code or signal.

None of these imports torch; `test_script_training` does.
"""

import signal
from pathlib import Path

import pytest

from tests.session.comparing import PLAIN, RECORD, run_as

TWO_EXITS = """\
import threading, sys
def fails(): raise ValueError("in a thread")
def exits(): sys.exit(3)
for target in fails, exits:
    thread = threading.Thread(target=target, name="T")
    thread.start()
    thread.join()
print("end")
"""

AT_EXIT = """\
import atexit, sys
def tell():
    hook = sys.excepthook is sys.__excepthook__
    print("__file__" in globals(), sys.last_type, sys.last_value, hook)
    print(sys.last_traceback.tb_frame.f_code.co_name, sys.last_traceback.tb_lineno)
atexit.register(tell)
def inner():
    raise ValueError("bad") from KeyError("cause")
inner()
"""

HOOK = """\
import sys
def hook(kind, error, trace):
    print(kind, error, trace.tb_frame.f_code.co_name, trace.tb_lineno)
    print(error.__traceback__ is trace, sys.excepthook is hook)
    END
sys.excepthook = hook
1/0
"""

FORK = """\
import os
pid = os.fork()
if pid:
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
raise ValueError("parent" if pid else "child")
"""

SIGNALS = """\
import atexit, os, signal, sys, time
atexit.register(print, "bye")
signal.signal(signal.SIGTERM, lambda *_: (print("handler"), sys.exit(5)))
os.kill(os.getpid(), signal.SIGNAL)
time.sleep(60)
"""

ENDS = {
    "plain": ("print('x', __name__)", 0),
    "exit": ("import sys; sys.exit()", 0),
    "text": ("import sys; print('x'); sys.exit('no data')", 1),
    "negative": ("import sys; sys.exit(-1)", 255),
    "large": ("import sys; sys.exit(300)", 300 & 0xFF),
    "object": ("raise SystemExit([1, 2])", 1),
    "raise": (AT_EXIT, 1),
    "hook": (HOOK.replace("END", ""), 1),
    "failing_hook": (HOOK.replace("END", "raise KeyError('in hook')"), 1),
    "exiting_hook": (HOOK.replace("END", "sys.exit(9)"), 9),
    "no_hook": ("import sys\ndel sys.excepthook\n1/0", 1),
    "group": ("raise ExceptionGroup('g', [ValueError(1)])", 1),
    "ctrl_c": (SIGNALS.replace("SIGNAL)", "SIGINT)"), -signal.SIGINT),
    "handled": (SIGNALS.replace("SIGNAL)", "SIGTERM)"), 5),
    "killed": (SIGNALS.replace("SIGNAL)", "SIGHUP)"), -signal.SIGHUP),
    "at_once": ("import os\nprint('lost')\nos._exit(4)", 4),
    "syntax": ("x = (\n", 1),
    "indent": ("if True:\nprint(3)\n", 1),
    "suspicious": ("x = '\\d'\nassert (1, 'always')\nprint(x is 3)\n", 0),
    "cookie": ("# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n", 0),
    "threads": (TWO_EXITS, 0),
    "fork": (FORK, 1),
    "moved": ("import os\nos.chdir('/')\nprint(__file__)\n1/0", 1),
    "missing": ("import not_there_at_all", 1),
    "inner": ("import failing", 1),
    "warning": ("import warnings\nwarnings.warn('x', stacklevel=3)", 0),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_script_ends_as_under_python(tmp_path: Path, name: str) -> None:
    source, code = ENDS[name]
    (tmp_path / f"{name}.py").write_text(source, encoding="latin-1")
    (tmp_path / "failing.py").write_text("1/0\n")
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, f"{name}.py", "a", output=output)
    ours = run_as(RECORD, tmp_path, f"{name}.py", "a", output=output)

    assert plain.code == code
    assert ours == plain


@pytest.mark.parametrize("name", ["text", "raise", "ctrl_c", "syntax", "inner"])
def test_a_module_ends_as_under_python(tmp_path: Path, name: str) -> None:
    source, code = ENDS[name]
    (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "failing.py").write_text("1/0\n")
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "-m", name, "a", output=output)
    ours = run_as(RECORD, tmp_path, "-m", name, "a", output=output)

    assert plain.code == code
    assert ours == plain


def test_a_module_that_is_not_there_is_told_in_pythons_words(tmp_path: Path) -> None:
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "-m", "not_there", output=output)
    ours = run_as(RECORD, tmp_path, "-m", "not_there", output=output)

    assert "No module named not_there" in plain.err
    assert ours == plain
