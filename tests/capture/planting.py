"""Planting a fault of graphscope's own at the i-th of all the things it does.

`python -m tests.capture.planting` tries every i; the test suite a part of them. With
`GRAPHSCOPE_KERNEL=off` it reaches what is otherwise done in compiled code.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn
from torch.utils.checkpoint import checkpoint

from graphscope.capture import freeze, identity, journal, ops, reader, readings
from graphscope.capture.following import OpFollower
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.leaves import LeafWatch
from graphscope.capture.modules import ModuleWatch
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.recorder import Recorder
from graphscope.capture.sites import SiteFinder
from graphscope.capture.updates import UpdateWatch
from graphscope.capture.zeroing import ZeroWatch
from graphscope.model.trace import Trace

PLACES: list[tuple[Any, str]] = [
    *((ops.OpWatch, name) for name in ("begin", "note", "output")),
    *((OpFollower, name) for name in ("begin", "finish", "_bind")),
    *((GradientWatch, name) for name in ("after_node", "before_node", "begin", "end")),
    *((LeafWatch, name) for name in ("note_arrival", "note_accumulation")),
    *((ZeroWatch, name) for name in ("note_zero", "read_gradient")),
    *((NodeWatch, name) for name in ("register", "follow", "walk", "adopt")),
    *((ModuleWatch, name) for name in ("_push", "_name_inputs", "_name_output")),
    *((readings.Readings, name) for name in ("_read_other", "pack", "restart")),
    *((readings.Readings, name) for name in ("carry", "put_number")),
    *((reader.PlainReader, name) for name in ("read", "reserve", "sample")),
    *((journal.Journal, name) for name in ("prepare", "add", "enter", "advance")),
    *((journal.Journal, name) for name in ("close_step", "_open_step", "upcoming")),
    *((identity.TensorTable, name) for name in ("resolve", "bind", "accept")),
    *((identity.TensorTable, name) for name in ("begin_step", "let_go", "make_value")),
    (UpdateWatch, "_note_update"),
    (SiteFinder, "find"),
    (journal, "freeze_step"),
    (ops, "describe_arguments"),
    # what allocates records
    *((identity, name) for name in ("RawValue", "RawNode", "Known")),
    (ops, "RawEvent"),
    (freeze, "Slot"),
]


@contextmanager
def planted(at: int, fault: type[Exception]) -> Iterator[Callable[[], int]]:
    """Let the `at`-th call of any of `PLACES` fail; yields how many there were."""
    counter = count(1)
    last = [0]

    def wrap(original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            last[0] = next(counter)
            if last[0] == at:
                raise fault("planted")
            return original(*args, **kwargs)

        # Raised in a file of the user's it would be taken for a signal handler's.
        call.__code__ = call.__code__.replace(co_filename=ops.__file__)
        return call

    originals = [(owner, name, getattr(owner, name)) for owner, name in PLACES]
    try:
        for owner, name, original in originals:
            setattr(owner, name, wrap(original))
        yield lambda: last[0]
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def train() -> list[torch.Tensor]:
    """Train a little: replayed steps, an in-place op, batch norm, a carried state."""
    torch.manual_seed(5)
    model = nn.Sequential(
        nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(inplace=True), nn.Linear(5, 2)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    state = torch.zeros(2)
    for _ in range(4):
        x, y = torch.randn(4, 3), torch.randint(0, 2, (4,))
        optimizer.zero_grad()
        first = checkpoint(model[0], x, use_reentrant=False)
        out = model[1:](first) + state
        loss = F.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
        state = out.mean(0).detach()
    return [p.detach().clone() for p in model.parameters()] + [torch.rand(1)]


def run_with_fault(
    at: int, fault: type[Exception] = RuntimeError
) -> tuple[list[torch.Tensor], Recorder, list[Trace], int]:
    """Train under a recorder that fails once."""
    traces: list[Trace] = []
    with planted(at, fault) as calls:
        recorder = Recorder(traces.append)
        recorder.start()
        try:
            result = train()
        finally:
            recorder.stop()
        return result, recorder, traces, calls()


def find_harm(at: int, bare: list[torch.Tensor], fault: type[Exception]) -> str:
    """Return what was wrong after the `at`-th call had failed; empty if nothing."""
    told = io.StringIO()
    try:
        with redirect_stderr(told):
            result, recorder, traces, _ = run_with_fault(at, fault)
    except Exception as problem:  # noqa: BLE001 - that is what must not happen
        return f"{type(problem).__name__}: {problem} reached the training"
    if not all(torch.equal(a, b) for a, b in zip(result, bare, strict=True)):
        return "other numbers"
    if torch._C._len_torch_function_stack():
        return "a mode was left"
    if not recorder.faults:
        return "the fault was not counted"
    gaps = [gap.reason for trace in traces for gap in trace.graph.gaps]
    shown = any("graphscope failed here" in reason for reason in gaps)
    # There is no step any more that could show what went wrong with the last one.
    shown = shown or "the last step could not be recorded" in told.getvalue()
    return "" if shown else "the fault is not shown in the recording"


def main() -> None:
    """Plant a fault at every i."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stride", type=int, default=1)
    stride = parser.parse_args().stride
    bare = train()
    *_, calls = run_with_fault(0)
    harmed = 0
    for fault in (RuntimeError, MemoryError):
        for at in range(1, calls + 1, stride):
            harm = find_harm(at, bare, fault)
            harmed += bool(harm)
            if harm:
                print(f"{fault.__name__} at {at}: {harm}")  # noqa: T201
    print(f"{calls} places, each {stride}th failed once: {harmed} harmed")  # noqa: T201


if __name__ == "__main__":
    main()
