"""In which call a thread waits for other processes."""

import json
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graphscope.debugger.waiting import calls_wait, find_waiting

_ROOT = Path(__file__).parents[2]
_RANKS = Path(__file__).with_name("waiting_ranks.py")


def _free_ports(count: int) -> list[str]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available():
        pytest.skip("torch was built without distributed")
    ports = _free_ports(2)
    ranks = [
        subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "tests.debugger.waiting_ranks",
                ports[0],
                rank,
                ports[1],
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        for rank in ("0", "1")
    ]
    try:
        ends = [rank.communicate(timeout=240) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    problems = "\n".join(end[1] for end in ends)
    assert [rank.returncode for rank in ranks] == [0, 0], problems[-4000:]
    found: dict[str, str] = json.loads(ends[0][0])
    return found


def _place(mark: str) -> str:
    lines = _RANKS.read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if f"# line: {mark}" in line)
    return f"{_RANKS.name}:{number}"


@pytest.mark.parametrize(
    ("mark", "call"),
    [
        ("init", "init_process_group"),
        ("all_reduce", "all_reduce"),
        ("work", "wait"),
        ("objects", "all_gather_object"),
        ("make", "DistributedDataParallel(), where parameters are compared"),
        (
            "forward",
            "forward of DistributedDataParallel, where buffers are exchanged",
        ),
        ("backward", "backward, where gradients are exchanged"),
    ],
)
def test_a_process_that_waits_for_another_says_in_which_call(
    told: dict[str, str], mark: str, call: str
) -> None:
    assert told[mark] == f"{call} · {_place(mark)}"


@contextmanager
def _running(target: Callable[[], Any]) -> Iterator[threading.Thread]:
    begun = threading.Event()

    def run() -> None:
        begun.set()
        target()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(60)
    try:
        yield thread
    finally:
        thread.join(60)


def _wait_until_it_stands(thread: threading.Thread) -> None:
    """Wait until a thread is twice at the same instruction: in its native call."""
    before, deadline = None, time.monotonic() + 60
    while time.monotonic() < deadline:
        frame = sys._current_frames()[thread.ident or 0]
        place = frame.f_code, frame.f_lasti
        if place == before:
            return
        before = place
        time.sleep(0.05)
    raise AssertionError("the thread never waited")


def test_waiting_for_threads_of_this_process_is_no_waiting_for_others() -> None:
    handed: queue.Queue[int] = queue.Queue()
    simple: queue.SimpleQueue[int] = queue.SimpleQueue()
    event = threading.Event()
    lock = threading.Lock()
    lock.acquire()
    waits: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (handed.get, lambda: handed.put(1)),
        (simple.get, lambda: simple.put(1)),
        (event.wait, event.set),
        (lock.acquire, lock.release),
    ]
    for wait, release in waits:
        with _running(wait) as thread:
            assert thread.ident
            _wait_until_it_stands(thread)
            assert find_waiting(thread.ident) == ""
            release()


def test_a_thread_that_is_gone_waits_for_nobody() -> None:
    with _running(lambda: None) as thread:
        pass
    assert find_waiting(thread.ident or 0) == ""
    assert find_waiting(-1) == ""


class _Native:
    """Has methods that no Python frame shows."""

    def __init__(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        self.wait = self.get = lock.acquire
        self.release = lock.release
        self.patience = -1


def _calls(native: _Native) -> list[tuple[Callable[[], Any], bool]]:
    def plain() -> None:
        native.wait()

    def long() -> None:
        native.wait(
            True,
            native.patience,
        )

    def other() -> None:
        native.get()

    return [(plain, True), (long, True), (other, False)]


def test_a_native_wait_is_found_in_the_instruction_that_runs() -> None:
    native = _Native()
    for call, is_wait in _calls(native):
        with _running(call) as thread:
            frame = _wait_for_frame(thread, call)
            assert calls_wait(frame) is is_wait
            native.release()


def _wait_for_frame(thread: threading.Thread, call: Callable[[], Any]) -> Any:
    """Return the frame of `call` when the thread is in its native call."""
    code: Any = call.__code__
    place, deadline = -1, time.monotonic() + 60
    while time.monotonic() < deadline:
        frame = sys._current_frames()[thread.ident or 0]
        if frame.f_code is code and frame.f_lasti == place:
            return frame
        place = frame.f_lasti if frame.f_code is code else -1
        time.sleep(0.05)
    raise AssertionError("the thread never waited")
