"""Running a user's script as `python script.py` would, inside of this process.

Separate from the recording because it knows nothing of torch, and imports next to
nothing: until the script imports something itself, its process is as python's own is.
"""

import builtins
import os
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path

from graphscope.session.unseen import unseen


@dataclass(frozen=True, slots=True)
class ScriptTarget:
    """What to run: `python NAME ARGV…`, or `python -m NAME ARGV…`.

    Attributes:
        name: A path as the user typed it, or a module's dotted name.
        argv: The script's own arguments.
        is_module: Whether `name` is a module's.
    """

    name: str
    argv: Sequence[str] = ()
    is_module: bool = False

    @property
    def words(self) -> list[str]:
        """What stands behind `python` on the command line."""
        return [*(["-m"] if self.is_module else []), self.name, *self.argv]

    @property
    def title(self) -> str:
        """What it is called where there is no room for its arguments.

        >>> ScriptTarget("src/train.py", ["--lr", "3"]).title
        'src/train.py'
        >>> ScriptTarget("zoo.train", is_module=True).title
        '-m zoo.train'
        """
        return f"-m {self.name}" if self.is_module else self.name

    @property
    def stem(self) -> str:
        """What a recording of it is called, without a suffix.

        >>> ScriptTarget("src/train.py").stem
        'train'
        >>> ScriptTarget("zoo.train", is_module=True).stem
        'zoo.train'
        """
        return self.name if self.is_module else Path(self.name).stem

    @property
    def recording(self) -> Path:
        """Where it is recorded to when nothing else was asked for: here."""
        return Path(f"{self.stem}.gscope")

    @property
    def place(self) -> Path:
        """What breakpoints are kept for: a module's file is not looked for."""
        return Path.cwd() / self.title


@unseen
def execute(target: ScriptTarget) -> None:
    """Run `target` as this process's `__main__`; whatever it raises passes through.

    The process stays so after the script: its threads and its `atexit` functions run
    later and may look at `__main__`, pickling and spawned workers do.
    """
    if target.is_module:
        _execute_module(target)
    else:
        _execute_file(target)


@unseen
def _execute_file(target: ScriptTarget) -> None:
    path = Path(target.name)
    # As python does: neither symbolic links nor `..` are resolved here, but in sys.path
    file = os.path.join(os.getcwd(), target.name)  # noqa: PTH109, PTH118
    sys.argv = [target.name, *target.argv]
    _enter_folder(str(path.resolve().parent))
    main = _become_main()
    main.__file__, main.__cached__ = file, None  # type: ignore[attr-defined]
    main.__loader__ = SourceFileLoader("__main__", file)
    code = compile(path.read_bytes(), file, "exec", dont_inherit=True)
    exec(code, main.__dict__)  # noqa: S102 - running the user's script is the point
    forget_file()


@unseen
def _execute_module(target: ScriptTarget) -> None:
    """Let the function run it that python's own `-m` calls, by this very name."""
    import runpy

    sys.argv = ["-m", *target.argv]
    _enter_folder(os.getcwd())  # noqa: PTH109
    _become_main()
    runpy._run_module_as_main(target.name)  # type: ignore[attr-defined] # noqa: SLF001


def _enter_folder(folder: str) -> None:
    """Make `folder` the first to import from, unless python was told not to (-P)."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _become_main() -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__dict__.update(__annotations__={}, __builtins__=builtins)
    sys.modules["__main__"] = main
    return main


def forget_file() -> None:
    """Forget a script's path when it is over, as python does: unless it has exited."""
    main = sys.modules.get("__main__")
    if main is not None and getattr(main, "__spec__", None) is None:
        for name in ("__file__", "__cached__"):
            main.__dict__.pop(name, None)


def without_ours(trace: types.TracebackType | None) -> types.TracebackType | None:
    """Return a traceback from the script's own first entry on."""
    found = trace
    while found is not None:
        code, found = found.tb_frame.f_code, found.tb_next
        if code in {_execute_file.__code__, _execute_module.__code__}:
            return found
    return trace
