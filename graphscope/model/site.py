"""Where in the user's source something happened."""

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Frame:
    """One user frame of a call stack: `line` is 1-based."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Site:
    """A span of the user's source, and the user frames that led to it.

    Attributes:
        file: Path as Python knows it; data, never opened because a recording names it.
        line: 1-based first line of the expression.
        end_line: 1-based last line of the expression.
        column: 0-based character offset in `line`; -1 when only the line is known.
        end_column: 0-based character offset after the end, in `end_line`; -1 likewise.
        function: Name of the enclosing function, `<module>` at top level.
        expression: Source text of the expression, empty when it was not found.
        stack: The calling user frames, innermost first, without this one.
    """

    file: str
    line: int
    end_line: int
    column: int
    end_column: int
    function: str
    expression: str
    stack: tuple[Frame, ...] = ()

    @property
    def short(self) -> str:
        """File name and line, as in an editor's tab.

        >>> Site("/home/me/train.py", 41, 41, 4, 9, "<module>", "x * w").short
        'train.py:41'
        """
        name = PurePath(self.file.replace("\\", "/")).name or self.file
        return f"{name}:{self.line}"

    def __str__(self) -> str:
        """Return `file:line, "expression"`."""
        where = f"{self.file}:{self.line}"
        return f'{where}, "{self.expression}"' if self.expression else where
