"""Gates that a test puts in: they write down what they are asked, and hold, or stop."""

from collections.abc import Callable
from typing import Any

import torch

from graphscope.capture.arrivals import LiveArrival
from graphscope.capture.gate import Gate, StopTraining
from graphscope.capture.recorder import Recorder
from graphscope.model.trace import Trace


class TestGate:
    """Asks to hold at what `wants` says, and does `then` while it holds.

    Attributes:
        asked: A line for each question: `mul`, `before MulBackward0`, `left fc`.
        questions: Those about events.
        place: Step and event of the last of them.
        held: How often the thread was held.
    """

    __test__ = False

    def __init__(
        self,
        wants: Callable[[LiveArrival], bool] = lambda _arrival: True,
        then: Callable[[Recorder], None] = lambda _recorder: None,
        *,
        is_armed: bool = True,
    ) -> None:
        self.is_armed = is_armed
        self.asked: list[str] = []
        self.questions: list[str] = []
        self.place = (-1, -1)
        self.held = 0
        self.wants_ends = False
        self._wants = wants
        self._then = then

    def reached(self, arrival: LiveArrival, /) -> bool:
        """Write the event down, and decide."""
        self.asked.append(line_of(arrival))
        self.questions.append(line_of(arrival))
        self.place = arrival.step, arrival.index
        return self._wants(arrival)

    def left(self, scope: str, /) -> bool:
        """Write down that a module is over."""
        self.asked.append(f"left {scope}")
        return self.wants_ends

    def hold(self, recorder: Recorder, /) -> None:
        """Hold, which in a test is to do something."""
        self.held += 1
        self._then(recorder)


def line_of(arrival: LiveArrival) -> str:
    """Return one line for an event: `w = mul`, `before MulBackward0`."""
    if arrival.node:
        return f"{'before' if arrival.is_before else 'after'} {arrival.node}"
    names = ", ".join(arrival.names)
    word = arrival.op or arrival.kind.value
    return f"{names} = {word}" if names and arrival.kind.value == "op" else word


def stopping_at(number: int, note: str = "stopped: a test") -> TestGate:
    """Return a gate that ends the training where it is asked for that time."""
    gate: TestGate

    def is_it(_arrival: LiveArrival) -> bool:
        return len(gate.questions) == number + 1

    def stop(_recorder: Recorder) -> None:
        raise StopTraining(3, note)

    gate = TestGate(is_it, stop)
    return gate


def record(
    run: Callable[[], Any],
    gate: Gate | None,
    *models: torch.nn.Module,
) -> tuple[list[Trace], BaseException | None]:
    """Return the traces of `run()` under a gate, and what it raised."""
    traces: list[Trace] = []
    recorder = Recorder(traces.append, models=models, gate=gate)
    recorder.start()
    raised: BaseException | None = None
    try:
        run()
    except StopTraining as stop:
        raised = stop
    finally:
        recorder.stop(raised)
    assert recorder.faults == {}
    return traces, raised
