"""A served process for tests, and clients that do not keep to the rules."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import enumerate as list_threads
from typing import Self

from graphscope.debugger.control import (
    ControlClient,
    ControlServer,
    Endpoint,
    SessionInfo,
    Transport,
    open_endpoint,
)
from graphscope.debugger.control.endpoint import send_at_once
from graphscope.debugger.control.messages import (
    FromClient,
    FromServer,
    Hello,
    Welcome,
    decode_from_server,
    encode,
)
from graphscope.debugger.control.wire import Unframer
from graphscope.debugger.state import ProcessState, SeatState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from tests.waiting import wait_for

PATIENCE_S = 60.0  # of a loaded machine; nothing takes longer than a few seconds
STATUS = Command(Verb.STATUS)
STEP = Command(Verb.STEP)


class Process:
    """What a debugger would be, and what was asked of it."""

    def __init__(
        self, transport: Transport | None = None, script: str = "t.py"
    ) -> None:
        self.current = ProcessState(os.getpid(), script, seats=(SeatState(0, "Main"),))
        self.executed: list[Command] = []
        self.controls: list[bool] = []
        self.ticks = 0
        self.told = 0
        self.answer = "done"
        self.before_answering: Callable[[], None] = lambda: None
        self.endpoint: Endpoint = open_endpoint(script=script, transport=transport)
        self.server = ControlServer(
            self.endpoint,
            state=self.state,
            execute=self.execute,
            on_control=self.controls.append,
            on_tick=self.tick,
        )

    @property
    def info(self) -> SessionInfo:
        return self.endpoint.info

    @property
    def log(self) -> str:
        path = self.endpoint.log_path
        return path.read_text() if path.exists() else ""

    def state(self) -> ProcessState:
        self.told += 1
        return self.current

    def execute(self, command: Command) -> str:
        self.executed.append(command)
        self.before_answering()
        if command.text == "refused":
            raise DebuggerError("No such place: nothing is called x.\n  x\n  ^")
        if command.text == "bug":
            raise KeyError("x" * 1000)
        return self.answer

    def tick(self) -> None:
        self.ticks += 1

    def publish_and_wait(self) -> None:
        told = self.told
        self.server.publish()
        wait_for(lambda: self.told > told)

    def go_to(self, step: int, title: str = "") -> None:
        seat = replace(self.current.seats[0], step=step, title=title)
        self.current = replace(self.current, seats=(seat,))
        self.server.publish()


@contextmanager
def serving(
    transport: Transport | None = None, script: str = "t.py"
) -> Iterator[Process]:
    process = Process(transport, script)
    process.server.start()
    try:
        yield process
    finally:
        process.server.close()


class Listener:
    """Remembers what a client heard."""

    def __init__(self) -> None:
        self.states: list[ProcessState] = []
        self.lost: list[str] = []


@contextmanager
def attached(
    info: SessionInfo, *, wants_control: bool = True, heard: Listener | None = None
) -> Iterator[ControlClient]:
    listener = heard or Listener()
    client = ControlClient(
        info,
        on_state=listener.states.append,
        on_lost=listener.lost.append,
        wants_control=wants_control,
    )
    try:
        yield client
    finally:
        client.close()


class Raw:
    """A peer that sends what it likes."""

    def __init__(self, info: SessionInfo) -> None:
        is_unix = info.transport is Transport.UNIX
        family = socket.AF_UNIX if is_unix else socket.AF_INET
        self.peer = socket.socket(family, socket.SOCK_STREAM)
        self.peer.connect(info.socket_path if is_unix else ("127.0.0.1", info.port))
        if not is_unix:
            send_at_once(self.peer)
        self.peer.settimeout(PATIENCE_S)
        self._token = info.token
        self._unframer = Unframer()
        self._bodies: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.close()

    def send(self, message: FromClient) -> None:
        self.peer.sendall(encode(message))

    def greet(self, *, wants_control: bool = False) -> None:
        self.send(Hello(self._token, wants_control))
        assert isinstance(self.read(), Welcome)

    def pour(self, data: bytes) -> None:
        """Send bytes to a server that may have hung up by now."""
        try:
            self.peer.sendall(data)
        except ConnectionError:
            return

    def read(self) -> FromServer:
        while not self._bodies:
            data = self.peer.recv(65536)
            assert data, "the server has hung up"
            self._bodies.extend(self._unframer.feed(data))
        return decode_from_server(self._bodies.pop(0))

    def read_rest(self) -> bytes:
        """Return all bytes up to the end of the connection."""
        data = b""
        try:
            while more := self.peer.recv(65536):
                data += more
        except ConnectionError:
            pass
        return data

    def read_rest_messages(self) -> list[FromServer]:
        self._bodies.extend(self._unframer.feed(self.read_rest()))
        return [decode_from_server(body) for body in self._bodies]


def own_threads() -> list[str]:
    names = [thread.name for thread in list_threads()]
    return [name for name in names if name.startswith("graphscope-")]


def open_files() -> set[str]:
    """Name what the descriptors of this process lead to."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - only the names
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115
        except OSError:  # that of the listing itself
            continue
    return found
