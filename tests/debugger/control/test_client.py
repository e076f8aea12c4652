"""The debugger's end: patient for a while, and trusting nobody more than it must."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest

from graphscope.debugger.control import (
    ControlClient,
    Endpoint,
    SessionInfo,
    Transport,
    client as client_module,
    open_endpoint,
    peers,
)
from graphscope.debugger.control.messages import (
    Answer,
    Hello,
    Refused,
    Request,
    StateTold,
    Welcome,
    decode_from_client,
    encode,
)
from graphscope.debugger.control.wire import Unframer
from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from tests.debugger.control.serving import (
    PATIENCE_S,
    STATUS,
    STEP,
    Listener,
    attached,
    serving,
)
from tests.waiting import wait_for

GREETING = encode(Welcome(is_controller=True)) + encode(StateTold(ProcessState(1, "a")))


class Peer:
    """A server that says what a test wants it to."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.info: SessionInfo = endpoint.info
        self.heard: list[Hello | Request] = []
        self.connection: socket.socket | None = None

    def say(self, data: bytes) -> None:
        assert self.connection
        self.connection.sendall(data)


@contextmanager
def pretending(
    *says: bytes, hangs_up: bool = False, then: Callable[[Peer], None] | None = None
) -> Iterator[Peer]:
    """Serve one client: say one thing after each message that it sends."""
    endpoint = open_endpoint(script="a.py")
    endpoint.listener.settimeout(PATIENCE_S)
    peer = Peer(endpoint)

    def serve() -> None:
        try:
            peer.connection, _ = endpoint.listener.accept()
        except OSError:
            return
        unframer = Unframer()
        left = list(says)
        with peer.connection as connection:
            while data := connection.recv(65536):
                for body in unframer.feed(data):
                    peer.heard.append(decode_from_client(body))
                    if left:
                        connection.sendall(left.pop(0))
                    elif then is not None:
                        then(peer)
                    if hangs_up and not left:
                        return

    thread = Thread(target=serve)
    thread.start()
    try:
        yield peer
    finally:
        # Closing alone does not wake a thread that accepts.
        endpoint.listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        endpoint.close()


def refusal(info: SessionInfo) -> str:
    with pytest.raises(DebuggerError) as refused, attached(info):
        pass
    return str(refused.value)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"", "the process has closed the channel"),
        (b"\x00\x00\x00\x00", "no message: a length of 0 bytes"),
        (b"\xff\xff\xff\xff", "no message: a length of 4294967295 bytes"),
        (b"\x00\x00\x00\x02{}", "no message: no field kind"),
        (encode(Hello("", wants_control=True)), "no message: a hello from a server"),
        (encode(Refused(0, "Not you.")), "Not you."),
        (encode(Answer(1, "")), "the process does not say welcome"),
        (
            encode(Welcome(is_controller=True, protocol=2)),
            "the process does not say welcome",
        ),
        (
            encode(Welcome(is_controller=True)) + encode(Answer(1, "")),
            "the process does not say where it is",
        ),
    ],
)
def test_a_server_that_greets_otherwise_is_left(says: bytes, told: str) -> None:
    with pretending(says, hangs_up=True) as peer:
        text = refusal(peer.info)
    first, where, what_next = text.splitlines()
    assert first.startswith("No debugger was attached: ")
    assert first.endswith(told)
    assert where == f"  {peer.info.pid}  a.py"
    assert what_next == "See `graphscope attach` for the processes that there are."


def test_a_server_that_says_nothing_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "CONNECTING_S", 0.1)
    with pretending() as peer:
        assert refusal(peer.info).startswith(
            "No debugger was attached: the process does not answer\n"
        )


def test_a_server_that_drips_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "CONNECTING_S", 0.3)

    def drip(peer: Peer) -> None:
        with suppress(OSError):  # until the client has hung up
            peer.say((60_000).to_bytes(4, "big"))
            while True:
                peer.say(b" ")
                Event().wait(0.01)

    with pretending(then=drip) as peer:
        assert "does not answer" in refusal(peer.info)


@pytest.mark.parametrize("transport", Transport)
def test_a_process_that_has_gone_is_told_at_once(transport: Transport) -> None:
    endpoint = open_endpoint(script="a.py", transport=transport)
    endpoint.close()
    assert refusal(endpoint.info).startswith(
        "No debugger was attached: nobody listens there any more\n"
    )


def test_another_user_s_socket_is_not_spoken_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = peers.find_user
    monkeypatch.setattr(peers, "find_user", lambda peer: real(peer) + 1)
    with pretending(GREETING) as peer:
        assert "it is another user's process that listens there" in refusal(peer.info)
        assert peer.heard == []


def test_a_queue_of_others_is_waited_for() -> None:
    endpoint = open_endpoint(script="a.py")
    endpoint.listener.listen(0)
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as next_:
        first.connect(endpoint.info.socket_path)
        next_.settimeout(0)
        with pytest.raises(BlockingIOError):
            next_.connect(endpoint.info.socket_path)
        monkeypatch = pytest.MonkeyPatch()
        monkeypatch.setattr(client_module, "CONNECTING_S", 0.1)
        assert "the process does not answer" in refusal(endpoint.info)
        monkeypatch.undo()
    endpoint.close()


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"\x00\x00\x00\x02{}", "sent something that is no message: no field kind"),
        (b"\xff" * 100, "sent something that is no message: a length of 4294967295"),
        (encode(Refused(0, "Enough.")), "Enough."),
    ],
)
def test_a_server_that_sends_rubbish_later_is_left(says: bytes, told: str) -> None:
    heard = Listener()
    with pretending(GREETING, says) as peer, attached(peer.info, heard=heard) as client:
        with pytest.raises(DebuggerError) as refused:
            client.send(STEP)
        wait_for(lambda: heard.lost)
        assert told in heard.lost[0]
        assert str(refused.value).startswith(
            f"step may not have been carried out: {heard.lost[0]}\n"
        )
        with pytest.raises(DebuggerError, match="may not have been carried out"):
            client.send(STEP)
    assert len(heard.lost) == 1


def test_no_answer_is_told_after_a_while_and_a_late_one_is_let_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "ANSWERING_S", 0.1)
    late = encode(Answer(1, "late")) + encode(Answer(2, "in time"))
    with pretending(GREETING, b"", late) as peer, attached(peer.info) as client:
        with pytest.raises(DebuggerError) as refused:
            client.send(STEP)
        assert str(refused.value) == (
            "step may not have been carried out: no answer within 0 s\n"
            f"  {peer.info.pid}  a.py\n"
            "Attach again to see where the process is."
        )
        monkeypatch.undo()
        assert client.send(STATUS) == "in time"


def test_a_connection_that_is_lost_is_told_once_and_not_when_it_was_closed() -> None:
    heard, closed = Listener(), Listener()
    with serving() as process:
        with attached(process.info, heard=closed):
            pass
        with attached(process.info, heard=heard):
            process.server.close()
            wait_for(lambda: heard.lost)
    assert heard.lost == ["the process has closed the channel"]
    assert closed.lost == []


def test_after_closing_a_command_is_refused_and_closing_again_is_fine() -> None:
    with serving() as process, attached(process.info) as client:
        client.close()
        client.close()
        with pytest.raises(DebuggerError, match="may not have been carried out"):
            client.send(STEP)
        assert process.executed == []


def test_a_command_that_is_too_long_is_told_and_costs_nothing() -> None:
    with serving() as process, attached(process.info) as client:
        with pytest.raises(DebuggerError) as refused:
            client.send(Command(Verb.ADD, text="x" * 301))
        assert str(refused.value) == (
            "add was not sent: a text of 301 characters (at most 300). Make it shorter."
        )
        assert client.send(STEP) == "done"


def test_a_debugger_that_cannot_show_a_state_hears_that_it_is_lost() -> None:
    heard = Listener()

    def fail(_: ProcessState) -> None:
        raise KeyError("a bug")

    with serving() as process:
        client = ControlClient(process.info, on_state=fail, on_lost=heard.lost.append)
        wait_for(lambda: heard.lost)
        client.close()
    assert heard.lost == ["the debugger could not show the state: KeyError('a bug')"]


def test_the_thread_that_hears_the_states_may_close_but_not_ask() -> None:
    told: list[str] = []
    clients: list[ControlClient] = []

    def ask(_: ProcessState) -> None:
        if not clients:
            return
        with pytest.raises(DebuggerError) as refused:
            clients[0].send(STEP)
        told.append(str(refused.value))
        clients[0].close()

    with serving() as process:
        lost = Listener().lost
        clients.append(ControlClient(process.info, on_state=ask, on_lost=lost.append))
        process.go_to(1)
        wait_for(lambda: told)
    assert told[0].startswith("step was not sent: the thread that would hear")
    assert lost == []


def test_many_threads_may_ask_at_once_and_each_gets_its_own_answer() -> None:
    answers: dict[int, str] = {}
    with serving() as process, attached(process.info) as client:

        def answer() -> None:
            process.answer = f"answer {process.executed[-1].number}"

        process.before_answering = answer

        def ask(first: int) -> None:
            for number in range(first, first + 25):
                answers[number] = client.send(Command(Verb.ENABLE, number=number))

        threads = [Thread(target=ask, args=(25 * n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: f"answer {number}" for number in range(200)}
