"""What the process of a script is told, on its command line.

Nothing of it goes through the environment or stdin: both are the script's.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from graphscope.session.live_options import LiveOptions
from graphscope.session.target import ScriptTarget

INTERFACE: Final = "interface"
"""Environment entry of a recording that was made for the debugger's interface."""


@dataclass(frozen=True, slots=True)
class Order:
    """A script to run, and how it is recorded.

    Attributes:
        target: The script.
        output: The recording, as the user typed it.
        overwrite: Whether an older recording is replaced.
        max_bytes: The disk budget.
        live: How a debugger takes part; None when it is only recorded.
        is_logged: Whether stdout and stderr go to a log that somebody follows.
    """

    target: ScriptTarget
    output: Path
    overwrite: bool
    max_bytes: int
    live: LiveOptions | None = None
    is_logged: bool = False

    def to_json(self) -> str:
        """Write all of it but the words of the target.

        >>> target = ScriptTarget("train.py", ["--lr", "3"])
        >>> Order(target, Path("r.gscope"), False, 9).to_json()
        '["r.gscope", false, 9, null, false, false]'
        """
        live = asdict(self.live) if self.live is not None else None
        rest = [live, self.is_logged, self.target.is_module]
        return json.dumps([str(self.output), self.overwrite, self.max_bytes, *rest])


def read_order(text: str, words: Sequence[str]) -> Order:
    """Return the order that a command line holds.

    >>> target = ScriptTarget("zoo.train", ["--lr", "3"], is_module=True)
    >>> live = LiveOptions(("fc1", "b"), until="has_nan", stops=True)
    >>> order = Order(target, Path("r.gscope"), True, 9, live, is_logged=True)
    >>> read_order(order.to_json(), target.words) == order
    True
    """
    output, overwrite, max_bytes, live, is_logged, is_module = json.loads(text)
    name, *argv = words[1:] if is_module else words
    return Order(
        ScriptTarget(name, argv, is_module),
        Path(output),
        overwrite,
        max_bytes,
        _read_live(live),
        is_logged,
    )


def _read_live(content: dict[str, Any] | None) -> LiveOptions | None:
    if content is None:
        return None
    return LiveOptions(**{**content, "breakpoints": tuple(content["breakpoints"])})
