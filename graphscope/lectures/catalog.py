"""Which examples there are: read from the scripts in `demos/`, never imported here.

A script is a topic. Each of its functions whose docstring begins with an id is an
example:

    def autograd_z14() -> None:
        \"\"\"d4-autograd-z14: The first autograd graph, z = 3x² + 2.

        Look at: …
        \"\"\"
"""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from graphscope.errors import GraphscopeError, UnknownNameError
from graphscope.model.names import nearest_names

TOPICS: Final = (
    "tensors",
    "broadcasting",
    "autograd",
    "losses",
    "linear_regression",
    "logistic_regression",
    "softmax",
    "mlp",
    "training_loops",
    "traps",
)
"""The scripts in the order of a course."""

_LOOK_AT: Final = "Look at: "
_ID: Final = re.compile(r"[0-9a-z.]+(-[0-9a-z.]+)+")


@dataclass(frozen=True, slots=True)
class Example:
    """One example.

    Attributes:
        id: What users type: `35-logistic-grad`.
        topic: The script's name without suffix.
        function: The function that runs it.
        title: One sentence.
        look_at: What a learner should look at, on one line.
        path: The script.
        line: 1-based line at which the function begins.
        code: The body of the function without its docstring, not indented.
    """

    id: str
    topic: str
    function: str
    title: str
    look_at: str
    path: Path
    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One script: its name, its title, and its examples in the order of the file."""

    name: str
    title: str
    path: Path
    examples: tuple[Example, ...]


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


def read_topics(folder: Path) -> tuple[Topic, ...]:
    """Read the scripts of a folder, those of the course first."""
    ranks = {name: rank for rank, name in enumerate(TOPICS)}
    paths = sorted(
        folder.glob("*.py"), key=lambda p: (ranks.get(p.stem, len(ranks)), p.stem)
    )
    topics = (_read_topic(path) for path in paths)
    return tuple(topic for topic in topics if topic.examples)


def _read_topic(path: Path) -> Topic:
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    title, _, _ = (ast.get_docstring(tree) or path.stem).partition("\n")
    lines = source.splitlines()
    found = (
        _read_example(node, path, lines)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    )
    examples = tuple(example for example in found if example is not None)
    return Topic(path.stem, title.rstrip("."), path, examples)


def _read_example(
    node: ast.FunctionDef, path: Path, lines: Sequence[str]
) -> Example | None:
    head, _, rest = (ast.get_docstring(node) or "").partition("\n\n")
    name, colon, title = " ".join(head.split()).partition(": ")
    if not colon or _ID.fullmatch(name) is None:
        return None
    look_at = " ".join(rest.partition("\n\n")[0].split()).removeprefix(_LOOK_AT)
    body = lines[node.body[0].end_lineno or 0 : node.end_lineno]
    return Example(
        id=name,
        topic=path.stem,
        function=node.name,
        title=title,
        look_at=look_at,
        path=path,
        line=node.lineno,
        code=_dedent(body),
    )


def _dedent(lines: Sequence[str]) -> str:
    """Take the indentation of a function's body away, and blank lines at the ends."""
    return "\n".join(line.removeprefix("    ") for line in lines).strip("\n") + "\n"


def list_examples(topics: Iterable[Topic]) -> tuple[Example, ...]:
    """Return the examples of all topics, in order."""
    return tuple(example for topic in topics for example in topic.examples)


def find_example(examples: Sequence[Example], name: str) -> Example:
    """Return the example that a user means by `name`.

    That is its id, its id without the prefix that names the lecture where only one
    ends so, or its function.

    Raises:
        UnknownNameError: There is none, or several; lists the nearest ones.
    """
    for key in (_id_of, _function_of, _bare_id_of):
        found = [example for example in examples if key(example) == name]
        if len(found) == 1:
            return found[0]
        if found:
            ids = " and ".join(example.id for example in found)
            raise UnknownNameError(f"{name!r} is the name of {ids}. Say which one.")
    near = ", ".join(nearest_names(name, map(_id_of, examples)))
    raise UnknownNameError(
        f"No example is called {name!r}. Nearest names: {near}. "
        "All of them: graphscope demo --list."
    )


def _id_of(example: Example) -> str:
    return example.id


def _function_of(example: Example) -> str:
    return example.function


def _bare_id_of(example: Example) -> str:
    return example.id.partition("-")[2]
