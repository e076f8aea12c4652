"""One debugger commands, the others look on."""

import pytest

from graphscope.debugger.control import ControlClient, Transport, find_session
from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from tests.debugger.control.serving import (
    STATUS,
    STEP,
    Listener,
    Process,
    Raw,
    attached,
    serving,
)
from tests.waiting import wait_for


def refusal(client: ControlClient, command: Command) -> str:
    with pytest.raises(DebuggerError) as refused:
        client.send(command)
    return str(refused.value)


@pytest.mark.parametrize("transport", Transport)
def test_a_command_is_carried_out_and_answered(transport: Transport) -> None:
    command = Command(Verb.RUN_UNTIL, 3, "fc1 if loss > 1", 7)
    with serving(transport) as process, attached(process.info) as client:
        assert client.is_controller
        assert client.send(command) == "done"
        assert process.executed == [command]


def test_the_state_is_known_as_soon_as_the_client_is_attached() -> None:
    heard = Listener()
    with serving() as process, attached(process.info, heard=heard) as client:
        assert client.state == process.current
        wait_for(lambda: heard.states == [process.current])


def test_a_new_state_is_told_to_everybody() -> None:
    first, second = Listener(), Listener()
    with (
        serving() as process,
        attached(process.info, heard=first),
        attached(process.info, heard=second),
    ):
        process.go_to(5)
        wait_for(lambda: first.states[-1:] == [process.current])
        wait_for(lambda: second.states[-1:] == [process.current])


def test_a_state_that_has_not_changed_is_not_told_again() -> None:
    heard = Listener()
    with serving() as process, attached(process.info, heard=heard) as client:
        for _ in range(5):
            process.publish_and_wait()
        client.send(STEP)
        assert len(heard.states) == 1


def test_the_state_that_a_command_leads_to_comes_before_its_answer() -> None:
    with serving() as process, attached(process.info) as client:
        for step in range(20):
            seat = process.current.seats[0]
            process.current = ProcessState(1, f"{step}", seats=(seat,))
            client.send(STEP)
            assert client.state == process.current


def test_the_second_debugger_reads_and_may_only_ask_for_the_status() -> None:
    with (
        serving() as process,
        attached(process.info),
        attached(process.info) as reader,
    ):
        assert not reader.is_controller
        assert reader.send(STATUS) == "done"
        assert refusal(reader, STEP) == (
            "step was not carried out: this debugger only looks on. Another debugger "
            "has control of the process: ask for control first."
        )
        assert process.executed == [STATUS]


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.STATUS])
def test_a_reader_may_use_no_verb_that_changes_something(verb: Verb) -> None:
    with (
        serving() as process,
        attached(process.info, wants_control=False) as reader,
    ):
        assert refusal(reader, Command(verb)).endswith(
            "Nobody has control of the process: ask for control first."
        )
        assert process.executed == []
        assert process.controls == []


def test_control_comes_and_goes_with_the_debugger_that_has_it() -> None:
    with serving() as process:
        with attached(process.info):
            assert process.controls == [True]
        wait_for(lambda: process.controls == [True, False])
        with attached(process.info) as client:
            assert client.is_controller
        wait_for(lambda: process.controls == [True, False, True, False])


def test_a_reader_gets_control_when_it_asks_after_the_controller_has_gone() -> None:
    with serving() as process:
        with (
            attached(process.info) as controller,
            attached(process.info, wants_control=False) as reader,
        ):
            controller.close()
            wait_for(lambda: process.controls == [True, False])
            assert not reader.is_controller
            assert reader.ask_for_control()
            assert process.controls == [True, False, True]
            assert reader.send(STEP) == "done"
        wait_for(lambda: process.controls == [True, False, True, False])


def test_a_controller_can_give_control_back_and_stay() -> None:
    with (
        serving() as process,
        attached(process.info) as first,
        attached(process.info) as second,
    ):
        assert not first.ask_for_control(wants_control=False)
        assert process.controls == [True, False, True]
        assert second.ask_for_control()
        assert not first.ask_for_control()
        assert process.controls == [True, False, True]


def test_who_waits_for_control_gets_it_when_the_controller_goes() -> None:
    heard = Listener()
    with (
        serving() as process,
        attached(process.info) as first,
        attached(process.info, wants_control=False) as reader,
        attached(process.info, heard=heard) as second,
        attached(process.info) as third,
    ):
        wait_for(lambda: len(heard.states) == 1)
        first.close()
        wait_for(lambda: len(heard.states) == 2)
        assert second.is_controller
        assert not reader.is_controller
        assert not third.is_controller
        assert process.controls == [True, False, True]
        assert second.send(STEP) == "done"


def test_a_controller_that_sends_rubbish_loses_control() -> None:
    with serving() as process, Raw(process.info) as raw:
        raw.greet(wants_control=True)
        raw.pour(b"\xff" * 8)
        wait_for(lambda: process.controls == [True, False])


def test_closing_the_server_takes_control_away() -> None:
    with serving() as process, attached(process.info):
        process.server.close()
        assert process.controls == [True, False]


def test_a_command_that_the_debugger_refuses_is_refused_in_its_words() -> None:
    with serving() as process, attached(process.info) as client:
        assert refusal(client, Command(Verb.ADD, text="refused")) == (
            "No such place: nothing is called x.\n  x\n  ^"
        )
        assert client.send(STEP) == "done"


def test_a_command_that_fails_is_refused_and_logged_and_the_server_lives() -> None:
    cut = "KeyError('" + "x" * 67 + "..."
    with serving() as process, attached(process.info) as client:
        assert refusal(client, Command(Verb.ADD, text="bug")) == (
            f"add failed in the debugged process: {cut}. The training goes on; ask "
            "for the status to see where."
        )
        assert client.send(STEP) == "done"
        assert process.log.endswith(f" add failed: {cut}\n")


def test_sixteen_debuggers_are_attached_and_the_seventeenth_is_refused() -> None:
    with serving() as process:
        clients = [
            ControlClient(process.info, on_state=lambda _: None, on_lost=lambda _: None)
            for _ in range(16)
        ]
        with (
            pytest.raises(DebuggerError) as refused,
            attached(process.info),
        ):
            pass
        assert str(refused.value).splitlines()[0] == (
            "No debugger was attached: 16 debuggers are attached already. "
            "Close one of them."
        )
        assert clients[0].send(STEP) == "done"
        clients[1].close()
        wait_for(lambda: _is_free(process))
        for client in clients:
            client.close()


def _is_free(process: Process) -> bool:
    try:
        with attached(process.info):
            return True
    except DebuggerError:
        return False


def test_two_servers_in_one_process_are_two() -> None:
    with (
        serving(script="a.py") as one,
        serving(script="b.py") as other,
        attached(one.info) as first,
        attached(other.info) as second,
    ):
        assert first.is_controller
        assert second.is_controller
        second.send(STEP)
        assert (one.executed, other.executed) == ([], [STEP])
        with pytest.raises(DebuggerError, match=r"(?s)^More than one .*a\.py.*b\.py"):
            find_session()
