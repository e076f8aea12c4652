"""What a script finds around itself is what it finds under plain python."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.session.comparing import PLAIN, RECORD, run_as

FACTS = '''\
"""The docstring."""
import atexit, dataclasses, inspect, os, pickle, signal, sys, threading, time, warnings
import __main__

class Point:
    pass

@dataclasses.dataclass
class Data:
    x: int = 3

def show(name, value):
    print(f"{name}: {value}")

def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True

show("argv", sys.argv)
show("orig_argv", sys.orig_argv)
show("path", sys.path)
show("name", __name__)
show("file", __file__)
show("globals", list(globals()))
show("spec", __spec__ and (__spec__.name, __spec__.origin))
show("package", __package__)
show("cached", __cached__)
show("loader", (type(__loader__).__name__, __loader__.path, __loader__.name))
show("rest", (__doc__, __builtins__, __annotations__))
show("flags", sys.flags)
show("options", (sys.warnoptions, sys._xoptions))
show("filters", warnings.filters)
show("environ", sorted(os.environ.items()))
show("imported", [name for name in ("numpy", "torch", "typer") if name in sys.modules])
show("threads", [thread.name for thread in threading.enumerate()])
show("is_main", threading.main_thread() is threading.current_thread())
show("signals", [signal.getsignal(n) for n in (1, 2, 10, 13, 15, 17)])
show("descriptors", [n for n in range(64) if is_open(n)])
show("stdin", sys.stdin.read())
show("hooks", [sys.excepthook, sys.displayhook, sys.gettrace(), sys.getprofile()])
show("limit", sys.getrecursionlimit())
show("same", __main__ is sys.modules["__main__"] and __main__.Point is Point)
show("pickle", type(pickle.loads(pickle.dumps(Point()))) is Point)
show("source", (inspect.getsource(Point), inspect.getmodule(Point) is __main__))
show("dataclass", (Data(), Data.__module__))
show("folder", (os.getcwd(), os.getsid(0) == os.getsid(os.getppid())))
for stream in (sys.stdout, sys.stderr):
    show("stream", (stream.encoding, stream.errors, stream.write_through))
for level in (1, 2, 3, 9):
    warnings.warn(f"level {level}", stacklevel=level)
warnings.warn("old", DeprecationWarning)
eval("warnings.warn('evaluated', stacklevel=2)")
atexit.register(lambda: show("first of atexit", list(globals())))
atexit.register(lambda: show("second of atexit", __main__.__name__))

def late():
    time.sleep(0.1)
    show("thread", "it was waited for")

threading.Thread(target=late).start()
RELATIVE
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A script, two links to it, and a package that runs with `-m`."""
    inner = tmp_path / "zoo" / "inner"
    inner.mkdir(parents=True)
    script = FACTS.replace("RELATIVE", "")
    (tmp_path / "zoo" / "facts.py").write_text(script)
    (tmp_path / "link.py").symlink_to(tmp_path / "zoo" / "facts.py")
    (tmp_path / "other").symlink_to(tmp_path / "zoo")
    module = FACTS.replace("RELATIVE", "from .. import value; show('value', value)")
    (inner / "__main__.py").write_text(module)
    (inner / "train.py").write_text(module)
    (inner / "__init__.py").touch()
    (tmp_path / "zoo" / "__init__.py").write_text("value = 42\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["zoo/facts.py", "a", "-b", "--", "-m"], []),
        (["link.py"], []),
        (["other/../zoo/./facts.py"], []),
        (["-m", "zoo.inner.train", "--lr", "3"], []),
        (["-m", "zoo.inner"], []),
        (["zoo/facts.py"], ["-O", "-u", "-W", "ignore:old", "-Xdev", "-B"]),
        (["zoo/facts.py"], ["-P", "-OO", "-Wdefault"]),
        (["zoo/facts.py"], ["-I"]),
    ],
)
def test_a_script_finds_what_it_finds_under_python(
    folder: Path, words: Sequence[str], flags: Sequence[str]
) -> None:
    output = folder / "run.gscope"

    plain = run_as(PLAIN, folder, *words, flags=flags, output=output)
    ours = run_as(RECORD, folder, *words, flags=flags, output=output)

    assert plain.code == 0, plain.err
    assert "second of atexit" in plain.out
    assert ours.out.splitlines() == plain.out.splitlines()
    assert ours == plain


def test_a_script_imports_what_lies_beside_it_and_not_beside_us(tmp_path: Path) -> None:
    """Nor does the folder that it is started in put anything in our way."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "main.py"
    script.write_text("import runs, steps\nprint(runs.mine, steps.mine)\n")
    for name in ("runs", "steps"):  # graphscope.session has files of these names
        (tmp_path / "scripts" / f"{name}.py").write_text(f"mine = {name!r}\n")
    for name in ("runs", "json", "dataclasses", "sqlite3", "numpy", "graphscope"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong folder')\n")

    plain = run_as(PLAIN, tmp_path, "scripts/main.py", output=tmp_path / "r.gscope")
    ours = run_as(RECORD, tmp_path, "scripts/main.py", output=tmp_path / "r.gscope")

    assert (plain.code, plain.out, plain.err) == (0, "runs steps\n", "")
    assert ours == plain
