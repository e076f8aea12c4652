"""The server's thread: late and slow clients, shortages, and the end."""

import errno
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread, current_thread
from time import monotonic

import pytest

from graphscope.debugger.control import (
    Endpoint,
    Transport,
    connection,
    hall,
    peers,
    server,
)
from graphscope.debugger.control.messages import Refused, Request, StateTold, encode
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from tests.debugger.control.serving import (
    STATUS,
    STEP,
    Listener,
    Process,
    Raw,
    attached,
    own_threads,
    serving,
)
from tests.debugger.control.test_fuzz import WHO
from tests.waiting import wait_for


def cpu_ticks_of_server() -> int:
    """Return what the server's thread has used so far, in ticks of the clock."""
    for task in Path("/proc/self/task").iterdir():
        if task.joinpath("comm").exists() and int(task.name) in _server_ids():
            fields = task.joinpath("stat").read_text().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
    raise AssertionError("no server")


def _server_ids() -> Iterator[int]:
    from threading import enumerate as list_threads

    for thread in list_threads():
        if thread.name == "graphscope-control" and thread.native_id:
            yield thread.native_id


# --- late, slow


@pytest.mark.parametrize("begun", [b"", b"\x00\x00", encode(Request(1, STEP))[:20]])
def test_somebody_who_does_not_say_who_it_is_is_refused_after_a_while(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GREETING_S", 0.1)
    with serving() as process, Raw(process.info) as raw:
        raw.pour(begun)
        assert raw.read_rest() == WHO
        assert process.log.endswith(" connection 1: refused: too late\n")


def test_a_message_that_does_not_end_is_refused_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MESSAGE_S", 0.1)
    with serving() as process, Raw(process.info) as raw, attached(process.info) as kept:
        raw.greet()
        raw.pour(encode(Request(1, STEP))[:-1])
        assert raw.read_rest_messages()[-1] == Refused(
            0, "The connection was closed: too late."
        )
        assert kept.send(STEP) == "done"


def test_bytes_that_keep_coming_do_not_make_a_message_less_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MESSAGE_S", 0.2)
    with serving() as process, Raw(process.info) as raw:
        raw.greet()
        raw.pour((60_000).to_bytes(4, "big"))
        wait_for(lambda: _is_refused(raw, process))
        assert "too late" in process.log


def _is_refused(raw: Raw, process: Process) -> bool:
    raw.pour(b"x")
    return "refused" in process.log


def test_a_debugger_that_says_nothing_stays() -> None:
    with serving() as process, attached(process.info) as client:
        ticks = process.ticks
        wait_for(lambda: process.ticks > ticks + 5)
        assert client.send(STEP) == "done"


def test_a_client_that_asks_and_does_not_read_is_dropped() -> None:
    with serving() as process, attached(process.info) as kept, Raw(process.info) as raw:
        process.answer = "x" * 4000
        raw.greet()
        while "dropped" not in process.log and "refused" not in process.log:
            raw.pour(b"".join(encode(Request(n, STATUS)) for n in range(1, 11)))
        assert process.log.endswith(": refused: does not read what it gets\n")
        assert kept.send(STEP) == "x" * 4000


def test_a_client_that_does_not_read_gets_the_newest_state_when_it_does() -> None:
    with serving() as process, Raw(process.info) as raw:
        raw.greet()
        for step in range(150):
            process.go_to(step, "x" * 290)
            process.current = type(process.current)(
                1, "t.py", seats=process.current.seats * 64
            )
            process.publish_and_wait()
        newest = process.current
        steps: list[int] = []
        while steps[-1:] != [149]:
            message = raw.read()
            assert isinstance(message, StateTold)
            steps.append(message.state.seats[0].step)
        assert len(newest.seats) == 64
        assert steps == sorted(steps)
        assert len(steps) < 100


# --- who may come in


def test_another_user_is_refused_and_learns_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = peers.find_user

    def find_user(peer: socket.socket) -> int:
        is_server = current_thread().name == "graphscope-control"
        return real(peer) + is_server

    monkeypatch.setattr(peers, "find_user", find_user)
    with serving() as process, Raw(process.info) as raw:
        assert raw.read_rest() == WHO
        assert process.log.endswith(" connection 1: refused: another user\n")
        with pytest.raises(DebuggerError), attached(process.info):
            pass
        assert process.told == 0


def test_a_user_that_the_kernel_does_not_tell_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_user(_: socket.socket) -> int:
        raise OSError("no credentials")

    monkeypatch.setattr(peers, "find_user", find_user)
    with serving() as process, Raw(process.info) as raw:
        assert raw.read_rest() == WHO


def test_where_the_kernel_tells_no_user_a_token_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers, "can_tell_user", lambda: False)
    with serving() as process:
        assert len(process.info.token) == 64
        with attached(process.info) as client:
            assert client.send(STEP) == "done"
        with Raw(process.info) as raw:
            raw._token = ""
            raw.send(Request(1, STEP))
            assert raw.read_rest() == WHO


@pytest.mark.parametrize("transport", Transport)
def test_strangers_that_say_nothing_keep_no_debugger_out(transport: Transport) -> None:
    with serving(transport) as process:
        strangers = [Raw(process.info) for _ in range(3 * hall.MOST_STRANGERS)]
        with attached(process.info) as client:
            assert client.send(STEP) == "done"
        assert "too many that do not say who they are" in process.log
        for stranger in strangers:
            assert stranger.read_rest() == WHO
            stranger.peer.close()


class Starved(socket.socket):
    """A listener of a process that has no descriptors left for a while."""

    asked = 0
    until = 0.0

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        self.until = self.until or monotonic() + 1.0
        if monotonic() < self.until:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_without_descriptors_it_waits_and_does_not_spin() -> None:
    process = Process()
    starved = Starved(fileno=process.endpoint.listener.detach())
    process.endpoint.listener = starved
    replaced = type(process.server)(
        process.endpoint,
        state=process.state,
        execute=process.execute,
        on_control=process.controls.append,
        on_tick=process.tick,
    )
    process.server.drop()
    process.server = replaced
    replaced.start()
    with attached(process.info) as client:
        assert client.send(STEP) == "done"
    replaced.close()
    assert starved.asked <= 8  # of hundreds of thousands


# --- its thread


def test_an_idle_server_sleeps() -> None:
    with serving() as process, attached(process.info), Raw(process.info) as raw:
        raw.greet()
        ticks, before = process.ticks, cpu_ticks_of_server()
        wait_for(lambda: process.ticks >= ticks + 4)
        assert cpu_ticks_of_server() - before <= 10  # of 200 in two seconds


def test_publishing_in_a_loop_tells_a_few_states() -> None:
    heard = Listener()
    with serving() as process, attached(process.info, heard=heard):
        for step in range(20_000):
            process.go_to(step)
        wait_for(lambda: heard.states[-1] == process.current)
        assert len(heard.states) < 1000
        steps = [state.seats[0].step for state in heard.states]
        assert steps == sorted(steps)


def test_states_in_quick_succession_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PAUSE_S", 3600.0)
    heard = Listener()
    with (
        serving() as process,
        attached(process.info) as client,
        attached(process.info, heard=heard, wants_control=False),
    ):
        process.go_to(1)
        wait_for(lambda: heard.states[-1].seats[0].step == 1)
        for step in range(2, 9):
            process.go_to(step)
            client.send(STEP)  # whoever asks is told all the same
            assert client.state.seats[0].step == step
        process.server.close()
        wait_for(lambda: heard.lost)
    assert [state.seats[0].step for state in heard.states] == [0, 1, 8]


def test_after_a_rest_a_few_states_in_a_row_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "_PAUSE_S", 3600.0)
    monkeypatch.setattr(server, "_CREDIT_S", 3 * 3600.0)
    heard = Listener()
    with serving() as process, attached(process.info, heard=heard):
        for step in (1, 2, 3):  # such as: it goes on, and it is held again
            process.go_to(step)
            wait_for(lambda: heard.states[-1].seats[0].step == step)  # noqa: B023


def test_short_messages_are_not_gathered_over_tcp() -> None:
    with serving(Transport.TCP) as process, attached(process.info) as client:
        (peer,) = [item.peer for item in process.server._hall._everybody]
        for end in (peer, client._line._connection):
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_publishing_before_after_and_without_clients_does_nothing() -> None:
    process = Process()
    process.server.publish()
    process.server.start()
    process.server.publish()
    process.server.close()
    process.server.publish()
    assert process.told <= 1  # the last one, for nobody


def test_many_threads_may_publish_at_once() -> None:
    heard = Listener()

    def publish(process: Process) -> None:
        for _ in range(500):
            process.server.publish()

    with serving() as process, attached(process.info, heard=heard):
        threads = [Thread(target=publish, args=(process,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        process.go_to(9)
        wait_for(lambda: heard.states[-1] == process.current)


def test_its_thread_leaves_signals_to_the_script() -> None:
    with serving() as process:
        wait_for(lambda: process.ticks)
        (ident,) = _server_ids()
        status = Path(f"/proc/self/task/{ident}/status").read_text()
        blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
        for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1):
            assert blocked >> (wanted - 1) & 1
        assert not blocked >> (signal.SIGSEGV - 1) & 1
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_look_a_state_and_a_change_of_control_may_fail() -> None:
    process = Process()

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    audience = process.server._audience
    broken = type(audience._calls)(fail, process.execute, fail, fail)  # type: ignore[arg-type]
    audience._calls = broken
    process.server.start()
    with attached(process.info) as client:
        assert client.send(STEP) == "done"
        assert (client.state.pid, client.state.script) == (os.getpid(), "t.py")
        log = process.log
    process.server.close()
    for what in ("a look", "the state", "a change of control"):
        assert f" {what} failed: RuntimeError('a bug')\n" in log


# --- the end


def test_the_last_state_reaches_everybody_before_the_end() -> None:
    first, second = Listener(), Listener()
    with (
        serving() as process,
        attached(process.info, heard=first),
        attached(process.info, heard=second, wants_control=False),
    ):
        process.current = replace(process.current, ending="exit code 0")
        process.server.close()
        for heard in (first, second):
            wait_for(lambda heard=heard: heard.lost)  # type: ignore[misc]
            assert heard.states[-1] == process.current
            assert heard.lost == ["the process has closed the channel"]


def test_a_client_that_does_not_read_does_not_keep_the_server_from_closing() -> None:
    with serving() as process, Raw(process.info) as raw:
        process.answer = "x" * 4000
        raw.greet()
        raw.pour(b"".join(encode(Request(n, STATUS)) for n in range(1, 200)))
        wait_for(lambda: len(process.executed) == 199)
        process.server.close()
        assert own_threads() == []


def test_closing_twice_or_from_its_own_thread_is_fine() -> None:
    with serving() as process, attached(process.info) as client:
        process.before_answering = process.server.close
        assert client.send(Command(Verb.STOP)) == "done"
        wait_for(lambda: not process.info.folder.exists())
        process.server.close()
    assert process.controls == [True, False]


def test_a_server_that_was_never_started_closes_too() -> None:
    process = Process()
    folder = process.info.folder
    assert folder.exists()
    process.server.close()
    assert not folder.exists()


def test_without_a_thread_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    process = Process()
    monkeypatch.setattr(Thread, "start", start)
    with pytest.raises(DebuggerError, match="cannot start another thread"):
        process.server.start()
    assert not process.info.folder.exists()


def test_an_endpoint_closed_twice_removes_nothing_of_others() -> None:
    process = Process()
    process.server.close()
    process.info.folder.mkdir()
    Endpoint.close(process.endpoint)
    assert process.info.folder.exists()
