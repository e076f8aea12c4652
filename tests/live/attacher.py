"""A debugger in a process of its own, which is to be killed at what it does.

Run as `python -m tests.live.attacher PID MODE`; it prints `ready` when it does it.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

from graphscope.debugger.control import ControlClient, find_session
from graphscope.debugger.state import Activity, SeatState
from graphscope.debugger.verbs import Command, Verb

_LONG_S: Final = 600.0


class _Attached:
    def __init__(self, pid: int) -> None:
        self.client = ControlClient(
            find_session(pid=pid), on_state=lambda _: None, on_lost=_leave
        )
        while not self.client.is_controller:  # the one before has just been killed
            self.client.ask_for_control()
        for left in self.client.state.breakpoints:  # by one that was killed
            self.client.send(Command(Verb.REMOVE, number=left.number))
        self.do(Verb.CONTINUE)

    def do(self, verb: Verb, text: str = "") -> None:
        self.client.send(Command(verb, 0, text))

    def held(self, reason: str = "") -> SeatState:
        """Wait until the script is held, for `reason` if there is one.

        It may still be told to be held where the debugger before has left it.
        """
        while True:
            seat = self.client.state.seats[0]
            if seat.activity is Activity.PAUSED and reason in {"", seat.reason}:
                return seat
            time.sleep(0.001)


def _leave(why: str) -> None:
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()


def _say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def watch(_: _Attached) -> None:
    """Look only."""
    _say_ready()


def pause(run: _Attached) -> None:
    """Hold it."""
    run.do(Verb.PAUSE)
    run.held()
    _say_ready()


def step(run: _Attached) -> None:
    """Step without end."""
    run.do(Verb.PAUSE)
    run.held()
    _say_ready()
    while True:
        run.do(Verb.STEP)
        run.held()


def skip(run: _Attached) -> None:
    """Run from training step to training step without end."""
    run.do(Verb.PAUSE)
    run.held()
    _say_ready()
    while True:
        run.do(Verb.NEXT_STEP)
        run.held()


def go_back(run: _Attached) -> None:
    """Hold it in front of an autograd node, and go on to the next ones."""
    run.do(Verb.RUN_UNTIL, "phase:backward")
    run.held("phase:backward")  # behind it where backward had begun before
    _say_ready()
    while True:
        run.do(Verb.STEP)
        run.held()


def stay_in_backward(run: _Attached) -> None:
    """Hold it in front of an autograd node."""
    run.do(Verb.RUN_UNTIL, "node:TanhBackward0")
    run.held("node:TanhBackward0")
    _say_ready()


def break_often(run: _Attached) -> None:
    """Have breakpoints, which stay behind, and continue from one to the next."""
    run.do(Verb.ADD, "Adam")
    run.do(Verb.ADD, "loss if loss > 0")
    _say_ready()
    while True:
        run.held()
        run.do(Verb.CONTINUE)


MODES: Final[dict[str, Callable[[_Attached], None]]] = {
    mode.__name__: mode
    for mode in (watch, pause, step, skip, go_back, stay_in_backward, break_often)
}


def main() -> None:
    """Attach, do it, and stay."""
    MODES[sys.argv[2]](_Attached(int(sys.argv[1])))
    time.sleep(_LONG_S)


if __name__ == "__main__":
    main()
