"""The log of refusals: short lines, and an end."""

import os
from pathlib import Path

from graphscope.debugger.control.log import ControlLog, quote


class Odd:
    def __repr__(self) -> str:
        raise ValueError


def test_the_log_stops_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "control.log"
    log = ControlLog(path)
    for number in range(3000):
        log.write(f"connection {number}: refused: too late")
    text = path.read_text()
    assert 64_000 < len(text) <= 64 * 1024
    assert text.endswith("\nThe log is full: nothing more is written.\n")


def test_a_log_that_cannot_be_written_is_silent(tmp_path: Path) -> None:
    ControlLog(tmp_path / "missing" / "control.log").write("x")
    (tmp_path / "there").write_text("")
    os.symlink(tmp_path / "there", tmp_path / "control.log")  # noqa: PTH211
    ControlLog(tmp_path / "control.log").write("x")
    assert (tmp_path / "there").read_text() == ""


def test_a_quote_is_one_short_line_of_plain_characters() -> None:
    assert quote("\x1b[31m\r\n" + "é" * 200) == (
        r"'\x1b[31m\r\n" + r"\xe9" * 16 + "..."
    )
    assert quote(Odd()) == "Odd"
