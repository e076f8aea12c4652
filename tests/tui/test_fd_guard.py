import os
import sys
from pathlib import Path

import pytest

from graphscope.tui.fd_guard import guard_descriptors


def test_c_level_output_waits_until_the_screen_is_closed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with guard_descriptors():
        os.write(1, b"from C on 1\n")
        os.write(2, b"from C on 2\n")
        assert sys.__stderr__ is not None
        sys.__stderr__.write("the screen\n")

    seen = capfd.readouterr()
    assert seen.err == "the screen\nfrom C on 1\nfrom C on 2\n"
    assert seen.out == ""


def test_streams_and_descriptors_are_restored_after_an_exception(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = sys.__stdout__, sys.__stderr__

    def fail() -> None:
        with guard_descriptors():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    os.write(1, b"out")
    os.write(2, b"err")
    assert tuple(capfd.readouterr()) == ("out", "err")
    assert (sys.__stdout__, sys.__stderr__) == before


def test_descriptors_are_not_leaked() -> None:
    def count() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    with guard_descriptors():
        pass
    before = count()
    with guard_descriptors():
        pass

    assert count() == before
