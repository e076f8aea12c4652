"""Commands that come just before a pause, or just after a thread was let go."""

from graphscope.debugger.state import Activity
from graphscope.debugger.verbs import Command, Verb
from graphscope.model.trace import Trace
from tests.debugger.test_controller import program


def test_a_stop_that_comes_while_a_pause_begins_ends_it() -> None:
    with program(count=100_000, paused=False) as run:
        show = run.show

        def stop_and_show() -> Trace:
            run.debugger.execute(Command(Verb.STOP))
            return show()

        run.show = stop_and_show  # type: ignore[method-assign]
        run.debugger.execute(Command(Verb.PAUSE))
        run.ends()
        assert isinstance(run.error, SystemExit)


def test_a_pause_right_after_continue_is_not_lost() -> None:
    with program(count=100_000) as run:
        for _ in range(50):
            _, _, reason = run.paused_at()
            assert reason == "paused"
            passed = len(run.passed)
            run.debugger.execute(Command(Verb.CONTINUE))
            run.debugger.execute(Command(Verb.PAUSE))
            run.wait(lambda _: len(run.passed) > passed)  # noqa: B023 - called here
        run.paused_at()


def test_a_pause_of_a_thread_that_is_held_asks_for_no_other() -> None:
    with program(count=3) as run:
        run.paused_at()
        run.debugger.execute(Command(Verb.PAUSE))
        run.debugger.execute(Command(Verb.CONTINUE))
        assert len(run.ends()) == 15


def test_the_end_of_the_process_lets_a_held_thread_go() -> None:
    with program("relu", resume_after_s=600.0) as run:
        run.paused_at()
        run.debugger.end("the script has ended")
        assert len(run.ends()) == 15
        assert run.state.activity is Activity.ENDED


def test_a_thread_is_not_held_any_more_when_its_seat_is_over() -> None:
    with program() as run:
        run.paused_at()
        run.seat.end()
        run.seat.hold()  # on this very thread: it returns
        assert run.state.activity is Activity.ENDED
