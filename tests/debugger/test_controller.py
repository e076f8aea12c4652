"""Threads that are asked at made-up events, and held, and commanded."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Signal, Thread, current_thread, get_ident

import pytest

from graphscope.debugger.arrival import Aspect
from graphscope.debugger.controller import Debugger
from graphscope.debugger.seat import Seat
from graphscope.debugger.state import Activity, SeatState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from graphscope.model.graph import Event, EventKind, Graph, Op, OpKind, Phase
from graphscope.model.trace import Trace
from tests.debugger.arrivals import MadeUp, seen

DEADLINE_S = 20.0

STEP = (
    MadeUp(index=0, scope="fc1", op="linear", names=("h",)),
    MadeUp(index=1, scope="fc1", op="relu"),
    MadeUp(index=2, op="mse_loss", names=("loss",), phase=Phase.LOSS),
    MadeUp(EventKind.GRAD, index=3, node="MseLossBackward0", phase=Phase.BACKWARD),
    MadeUp(EventKind.UPDATE, index=4, op="SGD", phase=Phase.UPDATE),
)


class Program:
    """A thread that "trains": what happens to it is what `events` say."""

    def __init__(
        self, debugger: Debugger, seat: Seat, events: Iterable[MadeUp]
    ) -> None:
        self.debugger, self.seat = debugger, seat
        self.file = "/somewhere/run.gscope"
        self.ident = 0
        self.error: BaseException | None = None
        self.passed: list[tuple[int, int]] = []
        self._events = events
        self._at = MadeUp(index=-1)
        self.thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.ident = get_ident()
        self.seat.begin(self)
        try:
            for event in self._events:
                self._at = event
                time.sleep(0)
                if self.seat.is_armed and self.seat.reached(event):
                    self.seat.hold()
                self.passed.append((event.step, event.index))
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        self.seat.end()

    def show(self) -> Trace:
        count = self._at.index + 1
        op = Op(0, self._at.op or "op", "", OpKind.COMPUTE, (), ())
        events = [Event(i, EventKind.OP, Phase.FORWARD, 0, op=0) for i in range(count)]
        return Trace(Graph(ops=(op,), events=tuple(events)), step=self._at.step)

    def stand_at(self, event: MadeUp) -> None:
        self._at = event

    def place(self) -> tuple[int, int]:
        return self._at.step, self._at.index + 1

    @property
    def state(self) -> SeatState:
        return self.seat.state

    def wait(self, is_so: Callable[[SeatState], bool]) -> SeatState:
        until = time.monotonic() + DEADLINE_S
        while not is_so(self.state):
            assert time.monotonic() < until, self.state
            time.sleep(0.001)
        return self.state

    def paused_at(self) -> tuple[int, int, str]:
        state = self.wait(lambda s: s.activity is Activity.PAUSED)
        return state.step, state.event, state.reason

    def move(self, verb: Verb, text: str = "") -> tuple[int, int, str]:
        """Give a verb to a held thread; return where it is held next."""
        passed = len(self.passed)
        self.debugger.execute(Command(verb, 0, text))
        until = time.monotonic() + DEADLINE_S
        while len(self.passed) == passed:
            assert time.monotonic() < until, self.state
            time.sleep(0.001)
        return self.paused_at()

    def ends(self) -> list[tuple[int, int]]:
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()
        return self.passed


def steps(count: int) -> Iterator[MadeUp]:
    return (replace(event, step=step) for step in range(count) for event in STEP)


@contextmanager
def program(
    *breakpoints: str,
    count: int = 3,
    paused: bool = True,
    controlled: bool = True,
    resume_after_s: float = 60.0,
) -> Iterator[Program]:
    debugger = Debugger("train.py", 1, resume_after_s=resume_after_s)
    for text in breakpoints:
        debugger.add_breakpoint(text)
    if controlled:
        debugger.note_control(True)
    seat = debugger.add_seat("MainThread", starts_paused=paused)
    found = Program(debugger, seat, steps(count))
    found.thread.start()
    try:
        yield found
    finally:
        debugger.stop("the test is over")
        found.thread.join(DEADLINE_S)


def test_every_verb_ends_where_it_says() -> None:
    with program() as run:
        assert run.paused_at() == (0, 0, "paused")
        assert run.move(Verb.STEP) == (0, 1, "step")
        assert run.move(Verb.OVER) == (0, 2, "outside of the module")
        assert run.move(Verb.NEXT_PHASE) == (0, 3, "next phase")
        assert run.move(Verb.NEXT_STEP) == (1, 0, "next step")
        assert run.move(Verb.OUT) == (1, 2, "outside of the module")
        run.debugger.execute(Command(Verb.CONTINUE, 0))
        assert len(run.ends()) == 15


def test_a_breakpoint_pauses_where_its_condition_holds() -> None:
    with program("loss if step == 2", paused=False) as run:
        assert run.paused_at() == (2, 2, "breakpoint 1: loss if step == 2")
        assert run.debugger.state.breakpoints[0].hits == 1


def test_run_until_pauses_once() -> None:
    with program() as run:
        run.paused_at()
        assert run.move(Verb.RUN_UNTIL, "SGD") == (0, 4, "SGD")
        assert run.debugger.state.breakpoints == ()
        run.debugger.execute(Command(Verb.CONTINUE, 0))
        run.ends()


def test_breakpoints_are_changed_while_the_thread_runs_or_is_held() -> None:
    with program("relu") as run:
        run.paused_at()
        assert run.debugger.execute(Command(Verb.ADD, text="op:SGD")) == (
            "breakpoint 2: op:SGD"
        )
        run.debugger.execute(Command(Verb.DISABLE, number=1))
        assert run.move(Verb.CONTINUE) == (0, 4, "breakpoint 2: op:SGD")
        run.debugger.execute(Command(Verb.ENABLE, number=1))
        run.debugger.execute(Command(Verb.REMOVE, number=2))
        assert run.move(Verb.CONTINUE) == (1, 1, "breakpoint 1: relu")


def test_a_bad_command_is_refused_and_changes_nothing() -> None:
    with program() as run:
        run.paused_at()
        before = run.debugger.state
        for command, text in (
            (Command(Verb.ADD, text="grad.l3 > 1"), "l3"),
            (Command(Verb.REMOVE, number=7), "7"),
            (Command(Verb.STEP, seat=4), "There is no recorded thread number 4"),
            (Command(Verb.RUN_UNTIL, text="("), "("),
        ):
            with pytest.raises(DebuggerError) as refused:
                run.debugger.execute(command)
            assert text in str(refused.value)
        assert run.debugger.state == before


def test_out_is_refused_outside_of_modules() -> None:
    with program() as run:
        run.paused_at()
        run.move(Verb.RUN_UNTIL, "mse_loss")
        with pytest.raises(DebuggerError, match="outside of every module"):
            run.debugger.execute(Command(Verb.OUT, 0))
        assert run.state.activity is Activity.PAUSED


def test_without_a_controller_nothing_pauses() -> None:
    with program("relu", controlled=False) as run:
        assert len(run.ends()) == 15


def test_a_controller_that_vanishes_lets_the_thread_go_on_after_a_while() -> None:
    with program("relu", resume_after_s=0.3) as run:
        run.paused_at()
        run.debugger.note_control(False)
        assert len(run.ends()) == 15


def test_a_controller_that_comes_back_in_time_finds_the_thread_held() -> None:
    with program(resume_after_s=600.0) as run:
        run.paused_at()
        run.debugger.note_control(False)
        time.sleep(0.3)
        run.debugger.note_control(True)
        assert run.move(Verb.STEP) == (0, 1, "step")


def test_what_a_killed_controller_had_just_asked_for_pauses_no_later_one() -> None:
    with program(count=100_000, resume_after_s=600.0) as run:
        run.paused_at()
        run.debugger.note_control(False)
        run.seat.order(Verb.NEXT_STEP)  # it was on its way when the controller died
        run.wait(lambda s: s.activity is Activity.RUNNING)
        before = len(run.passed)
        run.debugger.note_control(True)
        run.wait(lambda _: len(run.passed) > before + 100)
        run.debugger.execute(Command(Verb.STOP))
        run.ends()


def test_detach_lets_go_at_once_and_nothing_pauses_after_it() -> None:
    with program("relu", resume_after_s=600.0) as run:
        run.paused_at()
        run.debugger.execute(Command(Verb.DETACH))
        assert len(run.ends()) == 15


def test_stop_ends_a_held_thread_and_a_running_one() -> None:
    with program(count=100_000, paused=False) as run:
        run.debugger.execute(Command(Verb.STOP))
        assert len(run.ends()) < 500_000
        assert isinstance(run.error, SystemExit)
    with program() as run:
        run.paused_at()
        run.debugger.execute(Command(Verb.STOP))
        assert run.ends() == []
        assert isinstance(run.error, SystemExit)


def test_until_ends_the_training_with_nobody_attached() -> None:
    debugger = Debugger("train.py", 1, resume_after_s=1.0)
    debugger.add_breakpoint("value.max > 10", stops=True)
    seat = debugger.add_seat("MainThread")
    events = list(steps(3))
    events[7] = replace(events[7], seen={Aspect.VALUE: seen(1, 12)})
    run = Program(debugger, seat, events)
    run.thread.start()

    assert run.ends() == [(e.step, e.index) for e in events[:7]]
    assert debugger.stopped == "value.max > 10"


def test_pause_stops_a_thread_that_runs() -> None:
    with program(count=100_000, paused=False) as run:
        run.debugger.execute(Command(Verb.PAUSE))
        step, _, reason = run.paused_at()
        assert step < 100_000
        assert reason == "paused"


def test_next_step_of_a_thread_that_runs_begins_at_the_step_it_is_in() -> None:
    debugger = Debugger("train.py", 1, resume_after_s=60.0)
    debugger.note_control(True)
    seat = debugger.add_seat("MainThread")
    run = Program(debugger, seat, ())
    seat.begin(run)
    run.stand_at(MadeUp(step=7, index=3))
    seat.order(Verb.NEXT_STEP)
    assert not seat.reached(MadeUp(step=7, index=4))
    assert seat.reached(MadeUp(step=8, index=0))


def test_a_step_is_not_lost_when_two_threads_arm_the_seat_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with program(count=1000) as run:
        run.paused_at()
        ask, has_asked = run.debugger.is_watching, Signal()

        def ask_slowly(*, has_goal: bool) -> bool:
            found = ask(has_goal=has_goal)
            until = time.monotonic() + 0.5
            while current_thread() is not run.thread and time.monotonic() < until:
                time.sleep(0.001)  # long enough for the held thread to overtake
            return found

        def wait_for_the_other() -> None:
            if current_thread() is run.thread:
                has_asked.wait(DEADLINE_S)

        monkeypatch.setattr(run.debugger, "is_watching", ask_slowly)
        run.debugger.tell = wait_for_the_other
        run.debugger.execute(Command(Verb.STEP, 0))
        has_asked.set()
        run.wait(lambda s: s.activity is Activity.PAUSED and s.event == 1)


def test_a_pause_in_code_is_told_with_its_line() -> None:
    debugger = Debugger("train.py", 1, resume_after_s=60.0)
    debugger.note_control(True)
    seat = debugger.add_seat("MainThread")
    thread = Thread(
        target=lambda: seat.pause_in_code("gs.breakpoint() at train.py:9"), daemon=True
    )
    thread.start()
    until = time.monotonic() + DEADLINE_S
    while seat.state.activity is not Activity.PAUSED:
        assert time.monotonic() < until
        time.sleep(0.001)
    assert seat.state.reason == "gs.breakpoint() at train.py:9"
    debugger.execute(Command(Verb.CONTINUE))
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_a_thread_alone_is_held_while_another_one_runs() -> None:
    debugger = Debugger("train.py", 1, resume_after_s=60.0)
    debugger.note_control(True)
    first = Program(debugger, debugger.add_seat("a", starts_paused=True), steps(2))
    first.thread.start()
    assert first.paused_at() == (0, 0, "paused")
    second = Program(debugger, debugger.add_seat("b"), steps(2))
    second.thread.start()

    assert len(second.ends()) == 10
    debugger.execute(Command(Verb.CONTINUE, 0))
    assert len(first.ends()) == 10
    assert [s.activity for s in debugger.state.seats] == [Activity.ENDED] * 2


def test_the_next_step_after_a_pause_in_code_is_not_the_rest_of_this_one() -> None:
    debugger = Debugger("train.py", 1, resume_after_s=60.0)
    debugger.note_control(True)
    seat = debugger.add_seat("MainThread")
    run, found = Program(debugger, seat, ()), []

    def train() -> None:
        seat.begin(run)
        run.stand_at(replace(STEP[1], step=5))
        seat.pause_in_code("gs.breakpoint() at train.py:9")
        found.append(seat.reached(replace(STEP[2], step=5)))
        found.append(seat.reached(replace(STEP[0], step=6)))

    thread = Thread(target=train, daemon=True)
    thread.start()
    run.wait(lambda s: s.activity is Activity.PAUSED)
    debugger.execute(Command(Verb.NEXT_STEP, 0))
    thread.join(DEADLINE_S)
    assert found == [False, True]


def test_the_first_event_pauses_though_a_thread_trains_and_later_threads_run() -> None:
    debugger = Debugger("train.py", 1, resume_after_s=60.0)
    debugger.note_control(True)
    debugger.add_seat("MainThread", starts_paused=True)
    run = Program(debugger, debugger.add_seat("actor"), (STEP[0],))
    run.thread.start()
    assert run.wait(lambda s: s.activity is Activity.PAUSED).reason == "paused"
    assert not debugger.add_seat("critic").is_armed
    debugger.execute(Command(Verb.CONTINUE, 1))
    run.thread.join(DEADLINE_S)
    assert run.passed == [(0, 0)]
