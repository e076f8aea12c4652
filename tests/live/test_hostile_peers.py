"""Peers that nobody should listen to, at training that runs: nothing happens to it."""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from graphscope.debugger.control import SessionInfo, Transport
from graphscope.debugger.control.messages import Hello, Refused, encode
from graphscope.debugger.verbs import Verb
from tests.debugger.control.serving import Raw
from tests.debugger.control.test_fuzz import BAD, WHO, cases
from tests.live.runs import (
    Folder,
    attached,
    folder,
    is_same_training,
    steps_of,
    train_plainly,
)
from tests.waiting import wait_for

# What `graphscope run --headless` does, with the transport as an argument.
RUN: Final = """\
import functools, sys
from dataclasses import dataclass
from pathlib import Path
from graphscope.debugger.control import Transport
from graphscope.session import live
from graphscope.session.live_options import LiveOptions
from graphscope.session.script import run_script
from graphscope.session.target import ScriptTarget

transport = Transport(sys.argv[1])
live.open_endpoint = functools.partial(live.open_endpoint, transport=transport)
target = ScriptTarget("train.py", ["0"])
run_script(target, Path("train.gscope"), live=LiveOptions(), is_quiet=True)
"""


@contextmanager
def training(transport: Transport) -> Iterator[tuple[Folder, SessionInfo]]:
    """Train until the block is over; compare with plain python, and what is left."""
    with folder() as place:
        run = place.start(sys.executable, "-c", RUN, transport.value)
        info = place.find()
        assert (info.pid, info.transport) == (run.pid, transport)
        with attached(info):  # so that what one connection needs is there
            place.trains_on()
        settle(info)
        before = resources_of(run.pid)
        yield place, info
        settle(info)
        wait_for(
            lambda: not before.has_leaked(resources_of(run.pid)),
            lambda: (before, resources_of(run.pid)),
        )
        place.trains_on()
        place.end()
        assert run.wait(60) == 0
        # All that is printed, graphscope's words and errors included, is the script's.
        lines = place.read().splitlines()
        assert is_same_training(lines, train_plainly(place, steps_of(lines)))


def settle(info: SessionInfo) -> None:
    """Wait until nobody is attached, and the channel has seen it."""

    def is_free() -> bool:
        with attached(info) as driver:
            return driver.client.is_controller

    assert wait_for(is_free)


@dataclass(frozen=True)
class Resources:
    """What a process has open."""

    files: tuple[str, ...]
    sockets: int
    threads: int

    def has_leaked(self, later: "Resources") -> bool:
        """Whether there is more later; a connection may just have been closing."""
        is_more = later.sockets > self.sockets or later.threads > self.threads
        return is_more or later.files != self.files


def resources_of(pid: int) -> Resources:
    """Look at what a process has open now."""
    process = Path(f"/proc/{pid}")
    links = []
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            links.append(os.readlink(descriptor))  # noqa: PTH115
    files = tuple(sorted(link for link in links if not link.startswith("socket:")))
    threads = len(list((process / "task").iterdir()))
    return Resources(files, len(links) - len(files), threads)


def bombard(info: SessionInfo, data: bytes, *, greets: bool) -> None:
    """Send what is no message; whoever sent it is told, and let go."""
    with Raw(info) as raw:
        if greets:
            raw.greet()
        raw.pour(data)
        if not greets:
            assert raw.read_rest() == WHO
            return
        last = raw.read_rest_messages()[-1]
        assert isinstance(last, Refused)
        assert last.number == 0


@pytest.mark.parametrize("transport", Transport)
def test_1000_fuzzed_messages_leave_training_alone(transport: Transport) -> None:
    with training(transport) as (place, info):
        for data, greets, _ in cases(1000):
            bombard(info, data, greets=greets)
        place.trains_on()
        with attached(info) as driver:  # and a debugger works on
            assert driver.client.is_controller
            assert driver.state.breakpoints == ()
            driver.send(Verb.PAUSE)
            driver.paused()
            driver.send(Verb.CONTINUE)


def test_100_connections_without_the_secret_leave_training_alone() -> None:
    draw = random.Random(812)  # noqa: S311 - repeatable, and no secret
    with training(Transport.TCP) as (place, info), attached(info) as driver:
        assert len(bytes.fromhex(info.token)) == 32  # 256 bits
        secret = Path(info.folder / "token")
        assert secret.stat().st_mode & 0o777 == 0o600
        for number in range(100):
            wrong = [f"{draw.getrandbits(256):064x}", info.token[:-1], ""]
            with Raw(info) as raw:
                raw.send(Hello(wrong[number % 3], wants_control=True))
                raw.pour(encode(BAD))  # "stop", as if it had been let in
                assert raw.read_rest() == WHO
        place.trains_on()
        assert driver.client.is_controller
        assert not driver.lost
