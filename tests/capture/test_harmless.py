"""The observer rule: a program cannot tell that it is watched."""

import gc
import random
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef

import graphscope as gs
from graphscope.model.graph import OpKind
from tests.capture.capturing import capture
from tests.capture.programs import PROGRAMS

# torch gives this one itself, when torch.func.jvp is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def _run(run: Callable[[], Any]) -> tuple[Any, ...]:
    """Run from a fixed seed; return results, warnings and RNG states."""
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002 - the global state is what is compared
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = run()
    told = [(w.category, str(w.message), w.filename, w.lineno) for w in caught]
    states = (
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),  # type: ignore[index]  # noqa: NPY002
    )
    return _plain(result), told, states


def _plain(result: Any) -> Any:
    """Turn tensors into bytes, so that NaN and -0.0 compare bit for bit."""
    if isinstance(result, torch.Tensor):
        if result.is_meta:
            return str(result.shape)
        plain = result.detach()
        words = plain.view(torch.int16) if plain.dtype == torch.bfloat16 else plain
        return (
            str(plain.dtype),
            tuple(plain.shape),
            words.contiguous().numpy().tobytes(),
        )
    if isinstance(result, list | tuple):
        return [_plain(item) for item in result]
    if isinstance(result, dict):
        return {key: _plain(item) for key, item in result.items()}
    return result


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_bit_for_bit_the_same_under_capture(name: str) -> None:
    run = PROGRAMS[name]
    _run(run)  # warnings that torch gives once per process come first
    bare = _run(run)
    watched: list[Any] = []
    traces = capture(lambda: watched.append(_run(run)))
    assert watched[0] == bare
    assert sum(len(trace.graph.events) for trace in traces) > 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_of_the_users_is_kept_alive(name: str) -> None:
    kept: list[StorageWeakRef] = []

    def run() -> None:
        result = PROGRAMS[name]()
        kept.extend(
            StorageWeakRef(tensor.untyped_storage())
            for tensor in _tensors(result)
            if tensor.layout is torch.strided and not tensor.is_meta
        )

    traces = capture(run)
    gc.collect()
    assert traces
    assert all(reference.expired() for reference in kept)


def _tensors(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return [tensor for item in result for tensor in _tensors(item)]
    return []


def test_a_traced_graph_dies_by_reference_counting_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        with gs.trace() as t:
            x = torch.ones(3, requires_grad=True)
            y = (x * 2).sum()
            y.backward()
        alive = weakref.ref(y)
        del y
        assert alive() is None
    finally:
        gc.enable()
    assert len(t) == 1


def test_an_exception_passes_and_its_traceback_holds_no_frame_of_ours() -> None:
    t = gs.trace()

    def run() -> None:
        with t:
            x = torch.ones(3)
            x + torch.ones(2)

    with pytest.raises(RuntimeError, match="must match the size") as caught:
        run()
    files = [str(entry.path) for entry in caught.traceback]
    assert not [file for file in files if "graphscope/capture" in file]
    assert t.last.trace.status == "aborted"
    assert t.last.trace.error.startswith("RuntimeError: The size of tensor a (3)")
    assert t.last.names == ["x"]


def test_a_fault_of_ours_is_counted_and_never_reaches_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("planted")

    monkeypatch.setattr("graphscope.capture.identity.TensorTable.read", fail)
    with gs.trace() as t:
        x = torch.ones(2, requires_grad=True)
        (x * 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]
    assert t.faults == {"MemoryError: planted": sum(t.faults.values())}


def test_a_module_of_a_trace_can_still_be_saved_copied_and_moved(tmp_path: Any) -> None:
    import copy

    model = torch.nn.Linear(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gs.trace(model):
            model(torch.ones(1, 2)).sum().backward()
            copy.deepcopy(model)
            torch.save(model, tmp_path / "model.pt")
            torch.save(model.weight, tmp_path / "weight.pt")
            model.to(torch.float64)


def test_a_forked_child_records_nothing(tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(
        "import os, sys, torch, graphscope as gs\n"
        "from graphscope.capture.recorder import running_recorder\n"
        "with gs.record(sys.argv[1]) as run:\n"
        "    x = torch.ones(2)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        y = x + 1\n"
        "        os._exit(0 if running_recorder() is None else 1)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "    z = x * 2\n"
    )
    target = tmp_path / "run.gscope"
    done = subprocess.run(
        [sys.executable, str(script), str(target)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
    with gs.load(target) as recording:
        assert [step.names for step in recording] == [["x", "z"]]


def test_fused_inference_is_named_as_a_gap() -> None:
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()

    def run() -> None:
        with torch.no_grad():
            layer(torch.ones(1, 2, 8))

    (trace,) = capture(run)
    assert [gap.reason.split(" was not")[0] for gap in trace.graph.gaps] == [
        "the inside of TransformerEncoderLayer"
    ]
    assert {op.kind for op in trace.graph.ops} == {OpKind.CREATE}


def test_a_second_thread_is_named_as_not_recorded() -> None:
    model = torch.nn.Linear(2, 1)

    def train() -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()

    def run() -> None:
        thread = threading.Thread(target=train, name="second trainer")
        thread.start()
        thread.join()
        torch.ones(2) * 2

    (trace,) = capture(run)
    assert [op.name for op in trace.graph.ops] == ["ones", "mul"]
    assert [gap.reason for gap in trace.graph.gaps] == [
        "the thread 'second trainer' was not recorded"
    ]


def test_a_fault_at_the_very_end_neither_raises_nor_hides_the_users_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr("graphscope.capture.journal.freeze_step", fail)
    with pytest.raises(KeyError, match="the user's"), gs.trace():  # noqa: PT012
        torch.ones(2)
        raise KeyError("the user's")
    assert capsys.readouterr().err.startswith(
        "graphscope: the last step could not be recorded: ValueError('planted')"
    )
