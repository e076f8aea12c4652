"""Children of a debugged process, and what its script has done to signals."""

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from threading import Event, Thread

from graphscope.debugger.control import list_sessions
from graphscope.debugger.control.messages import Request, encode
from tests.debugger.control.serving import (
    STATUS,
    STEP,
    Listener,
    Process,
    Raw,
    attached,
    open_files,
    serving,
)
from tests.debugger.control.test_registry import SERVE, WAIT, child, sole
from tests.waiting import wait_for


def fork(work: Callable[[], object]) -> int:
    """Run `work` in a forked child, and return 0 when it was true."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fork with threads, from Python 3.12 on
        pid = os.fork()
    if pid == 0:
        code = 9
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_has_none_of_the_sockets() -> None:
    with serving() as process, attached(process.info):
        of_server = {
            os.readlink(f"/proc/self/fd/{item.fileno()}")  # noqa: PTH115
            for item in (
                process.endpoint.listener,
                process.server._bell,
                process.server._ear,
                *[client.peer for client in process.server._hall._everybody],
            )
        }
        assert len(of_server) == 4

        def has_none() -> bool:
            return not any(name.split()[1] in of_server for name in open_files())

        assert fork(has_none) == 0


def test_a_forked_child_closes_nothing_of_its_parent() -> None:
    with serving() as process, attached(process.info) as client:

        def close() -> bool:
            process.server.publish()
            process.server.close()
            process.endpoint.describe(rank="child")
            process.endpoint.close()
            return True

        assert fork(close) == 0
        assert process.info.folder.joinpath("session.json").exists()
        assert sole() == process.info
        assert client.send(STEP) == "done"
        process.go_to(3)
        wait_for(lambda: client.state == process.current)


def test_a_forked_child_can_have_a_server_of_its_own() -> None:
    def serve() -> bool:
        with serving(script="child.py") as process, attached(process.info) as client:
            return client.send(STEP) == "done" and len(list_sessions()) == 2

    with serving():
        assert fork(serve) == 0
        assert len(list_sessions()) == 1


def test_a_fork_while_another_thread_publishes_hangs_nobody() -> None:
    with serving() as process, attached(process.info):

        def close() -> bool:
            process.server.publish()
            process.server.close()
            return True

        is_held, may_go = Event(), Event()

        def hold() -> None:
            with process.server._lock:
                is_held.set()
                may_go.wait()

        holder = Thread(target=hold)
        holder.start()
        is_held.wait()
        assert fork(close) == 0
        may_go.set()
        holder.join()


def test_a_debugger_hears_at_once_that_the_process_was_killed() -> None:
    code = SERVE.replace("print(", "import os\nif os.fork(): print(") + WAIT
    heard = Listener()
    with child(code) as process, attached(sole(), heard=heard) as client:
        forked = [
            int(line.split()[0])
            for line in subprocess.check_output(
                ["/bin/ps", "-o", "pid=", "--ppid", str(process.pid)], text=True
            ).splitlines()
        ]
        process.kill()
        # The child of the killed process lives, and has kept nothing open.
        wait_for(lambda: heard.lost)
        assert client.found.pid == process.pid
        for pid in forked:
            os.kill(pid, signal.SIGKILL)
    assert len(forked) == 1
    assert list_sessions() == ()


def test_a_script_that_dies_of_sigpipe_does_not_die_of_ours() -> None:
    default = "import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
    code = default + SERVE + "for _ in range(10**9):\n  server.publish()\n"
    with child(code) as process:
        info = sole()
        question = encode(Request(1, STATUS))
        for _ in range(30):
            with Raw(info) as raw:
                raw.greet()
                raw.pour(question * 50)  # and hangs up before the answers
        with attached(info) as client:
            assert client.send(STEP) == "done"
        assert process.poll() is None


def test_an_interrupt_reaches_the_main_thread_wherever_it_waits() -> None:
    for waiting in ("time.sleep(600)", "import threading; threading.Event().wait()"):
        with child(SERVE + waiting) as process, attached(sole()) as client:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in {-signal.SIGINT, 1, 130}
            client.close()


def test_the_channel_writes_nothing_to_the_script_s_output() -> None:
    with child(SERVE + WAIT) as process:
        with attached(sole()) as client:
            client.send(STEP)
        process.terminate()
        assert process.communicate() == (b"", b"")


def test_a_process_that_is_not_debugged_has_no_thread_and_no_socket() -> None:
    code = (
        "import os, threading\n"
        "import graphscope.debugger.control\n"
        "links = [os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2)]\n"
        "print(threading.active_count(), len(os.listdir('/proc/self/fd')) - 1)\n"
    )
    answer = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert answer == "1 3\n"


def test_a_process_ends_though_its_server_was_never_closed() -> None:
    with child(SERVE) as process:
        assert process.wait(60) == 0
        _, errors = process.communicate()
        assert errors == b""
    assert list_sessions() == ()


def test_a_thousand_publications_without_a_debugger_wake_nobody() -> None:
    process = Process()
    for _ in range(1000):
        process.server.publish()
    assert process.told == 0
    process.server.close()
