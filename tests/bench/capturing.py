"""What tracing costs where the bare step is next to nothing."""

from collections.abc import Callable
from pathlib import Path

import torch

from graphscope.capture.recorder import CaptureOptions, Recorder
from graphscope.model.trace import Trace
from graphscope.storage.writer import RecordingWriter
from tests.bench.clock import interleave

_STEPS = 40  # one trace each: its start, with reading the source, is shared by them


def house_prices() -> Callable[[], None]:
    """Return one training step of the 4-sample regression."""
    w = torch.tensor(-0.34, requires_grad=True)
    b = torch.tensor(0.04, requires_grad=True)
    x, y = torch.tensor([6.7, 4.6, 3.5, 5.5]), torch.tensor([9.1, 5.9, 4.6, 6.7])
    optimizer = torch.optim.SGD([w, b], lr=0.01)

    def step() -> None:
        y_hat = x * w + b
        loss = ((y_hat - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _traced(
    step: Callable[[], None], deliver: Callable[[Trace], None], *, stats: bool
) -> Callable[[], None]:
    options = CaptureOptions(stats=stats, local=stats)

    def run() -> None:
        recorder = Recorder(deliver, options=options)
        recorder.start()
        for _ in range(_STEPS):
            step()
        recorder.stop()

    return run


def measure_capture(folder: Path) -> None:
    """Print traced / bare of the 4-sample regression, with and without a file."""
    print(
        f"\n4-sample regression: {_STEPS} steps and the start of the trace, "
        "traced / bare (median, 10 % to 90 %)"
    )
    step = house_prices()

    def bare() -> None:
        for _ in range(_STEPS):
            step()

    writer = RecordingWriter(folder / "regression.gscope", environment={})
    runs = {
        "bare": bare,
        "structure only": _traced(step, lambda _trace: None, stats=False),
        "traced": _traced(step, lambda _trace: None, stats=True),
        "recorded": _traced(step, writer.add, stats=True),
    }
    times = interleave(runs, rounds=9)
    writer.close()
    base = times["bare"].median
    for label, found in times.items():
        low, high = (bound / base for bound in found.spread)
        each_us = found.median / _STEPS * 1e6
        print(
            f"  {label:15} {each_us:9.1f} µs a step   "
            f"x {found.median / base:6.2f}   ({low:.2f} to {high:.2f})"
        )
