from pathlib import Path

import pytest

from graphscope.tui.live.log_tail import MAX_LINES, MAX_WIDTH, LogTail


def shown(*texts: str) -> list[str]:
    tail = LogTail(Path("unused"))
    for text in texts:
        tail.feed(text)
    return list(tail.lines)


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        (["a\nb"], ["a", "b"]),
        (["a\r\nb\r", "\nc"], ["a", "b", "c"]),
        (["10%\r20%\r30%\n"], ["30%", ""]),
        (["10%", "\r2", "0%\n"], ["20%", ""]),
        (["long text\rshort\x1b[K\n"], ["short", ""]),
        (["99 %\b\b\b\b100\n"], ["100%", ""]),
        (["\x1b[31mred\x1b[0m \x1b]0;title\x07plain\x1b(B"], ["red plain"]),
        (["\x1b[3", "1mred"], ["red"]),
        (["a\tb"], ["a       b"]),
    ],
)
def test_a_line_is_what_a_terminal_would_show(
    texts: list[str], lines: list[str]
) -> None:
    assert shown(*texts) == lines


def test_only_so_much_is_kept() -> None:
    lines = shown("x" * 10 * MAX_WIDTH + "\n", "line\n" * 2 * MAX_LINES)

    assert len(lines) == MAX_LINES
    assert max(map(len, lines)) <= MAX_WIDTH


def test_what_is_added_to_the_file_is_read_on_and_a_split_character_waits(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    tail = LogTail(path)
    assert not tail.read()
    path.write_bytes("step 1 \u2713".encode()[:-1])
    assert tail.read()
    assert list(tail.lines) == ["step 1 "]

    with path.open("ab") as file:
        file.write("\u2713\nstep 2".encode()[2:])
    assert tail.read()
    assert list(tail.lines) == ["step 1 \u2713", "step 2"]
    assert not tail.read()


def test_a_file_that_was_cut_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("first run\nmore\n", "utf-8")
    tail = LogTail(path)
    tail.read()
    path.write_text("second\n", "utf-8")
    tail.read()

    assert list(tail.lines) == ["second", ""]


def test_of_a_long_file_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x" * 79 + "\n", "utf-8")
    path.write_text(("x" * 79 + "\n") * 20_000 + "last\n", "utf-8")
    tail = LogTail(path)
    while tail.read():
        pass

    assert list(tail.lines)[-2:] == ["last", ""]
    assert tail.skipped
