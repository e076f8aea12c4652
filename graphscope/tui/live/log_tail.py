"""The end of the file that a script prints into: as a terminal would show it.

A carriage return begins its line anew (progress bars), control sequences are left out,
and only so much is kept as one scrolls through.
"""

import codecs
import re
from collections import deque
from pathlib import Path
from typing import Final

MAX_LINES: Final = 5000
MAX_WIDTH: Final = 2000
_CHUNK_BYTES: Final = 1 << 20
_FIRST_BYTES: Final = 1 << 20
_TAB: Final = 8

# CSI, OSC (to BEL or ST, or cut off), and the short escape sequences.
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]"
)
_ERASES: Final = re.compile(r"\x1b\[[02]?K")
_MOVES: Final = re.compile(rf"([\r\b]|{_ERASES.pattern})")
_UNFINISHED: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,4096}|[ -/]*)?$|\r$"
)


class LogTail:
    """Reads on in a file that grows.

    Attributes:
        lines: Its last lines; the last one may still be going on.
        skipped: Whether lines before those were left out.
    """

    def __init__(self, path: Path) -> None:
        self.lines: deque[str] = deque([""], maxlen=MAX_LINES)
        self.skipped = False
        self._path = path
        self._offset: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._column = 0

    def read(self) -> bool:
        """Read what was added; whether anything was."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                self._find_start(size)
                file.seek(self._offset or 0)
                data = file.read(_CHUNK_BYTES)
        except OSError:
            return False
        self._offset = (self._offset or 0) + len(data)
        self.feed(self._decoder.decode(data))
        return bool(data)

    def _find_start(self, size: int) -> None:
        """Begin near the end of a long file, and anew in one that was cut."""
        if self._offset is not None and 0 <= size - self._offset <= _FIRST_BYTES:
            return
        self._offset = max(size - _FIRST_BYTES, 0)
        self.skipped = self._offset > 0
        self.lines = deque([""], maxlen=MAX_LINES)
        self._rest, self._column = "", 0
        self._decoder.reset()

    def feed(self, text: str) -> None:
        """Add some text."""
        text = self._rest + text
        unfinished = _UNFINISHED.search(text)
        cut = len(text) if unfinished is None else unfinished.start()
        self._rest, text = text[cut:], text[:cut]
        first, *others = text.replace("\r\n", "\n").split("\n")
        self._write(first)
        for line in others:
            self.skipped = self.skipped or len(self.lines) == MAX_LINES
            self.lines.append("")
            self._column = 0
            self._write(line)

    def _write(self, text: str) -> None:
        """Write on in the last line, as progress bars move the cursor in it."""
        shown, column = self.lines[-1], self._column
        for part in _MOVES.split(text):
            if part == "\r":
                column = 0
            elif part == "\b":
                column = max(column - 1, 0)
            elif _ERASES.fullmatch(part):
                shown = "" if part.endswith("2K") else shown[:column]
            elif part:
                plain = _ESCAPES.sub("", part).expandtabs(_TAB)[:MAX_WIDTH]
                end = column + len(plain)
                shown = shown[:column].ljust(column) + plain + shown[end:]
                column = min(end, MAX_WIDTH)
        self.lines[-1], self._column = shown[:MAX_WIDTH], column
