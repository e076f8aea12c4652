"""The demos: where they are, and what they call themselves.

A demo is a script with a docstring: the first line is its title, the rest says what
to look at. It is read as text, never imported, so that a list costs no torch.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from graphscope.errors import GraphscopeError, UnknownNameError
from graphscope.model.names import nearest_names


@dataclass(frozen=True, slots=True)
class Demo:
    """One script.

    Attributes:
        name: File name without suffix, as typed by the user.
        path: The script.
        title: One sentence.
        look_at: What a learner should look at, several lines.
    """

    name: str
    path: Path
    title: str
    look_at: str


def demos_folder() -> Path:
    """Return the folder of the demos: inside the installed package, or beside it.

    Raises:
        GraphscopeError: There is neither.
    """
    package = Path(str(files("graphscope")))
    for folder in (package / "demos", package.parent / "demos"):
        if folder.is_dir():
            return folder
    raise GraphscopeError(
        f"The demos are missing: neither {package / 'demos'} nor "
        f"{package.parent / 'demos'} is a folder. Install graphscope-torch again."
    )


def read_demos(folder: Path) -> tuple[Demo, ...]:
    """Read the demos of a folder, in the order of their names."""
    return tuple(_read_demo(path) for path in sorted(folder.glob("*.py")))


def _read_demo(path: Path) -> Demo:
    docstring = ast.get_docstring(ast.parse(path.read_bytes())) or path.stem
    title, _, look_at = docstring.partition("\n\n")
    return Demo(path.stem, path, title, look_at)


def find_demo(demos: Sequence[Demo], name: str) -> Demo:
    """Return the demo called `name`; `name.py` is fine too.

    Raises:
        UnknownNameError: There is none; lists the nearest three.
    """
    by_name = {demo.name: demo for demo in demos}
    wanted = name.removesuffix(".py")
    if wanted not in by_name:
        near = ", ".join(nearest_names(wanted, by_name))
        raise UnknownNameError(
            f"No demo is called {name!r}. Nearest names: {near}. "
            "All of them: graphscope demo --list."
        )
    return by_name[wanted]
