"""The library as its users meet it: trace, record, load, on, name, step."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import graphscope as gs
from graphscope.cli.steps import choose_step
from graphscope.errors import NotRecordedError
from graphscope.model.notice import Notice
from graphscope.model.numbers import format_observation


def _quadratic() -> Any:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        z = 3 * y + 2
        z.backward()
    return t


def test_importing_graphscope_and_loading_imports_no_heavy_library() -> None:
    code = (
        "import sys, graphscope as gs; gs.load; gs.trace; gs.RecordingError\n"
        "heavy = {'torch', 'textual', 'wasmtime', 'reportlab', 'networkx', 'svglib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_exported_name_exists_and_an_unknown_one_is_told() -> None:
    assert [name for name in gs.__all__ if not hasattr(gs, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'tracer'"):
        gs.tracer  # noqa: B018 - reading it is the test


def test_an_unknown_name_lists_the_nearest_three() -> None:
    t = _quadratic()
    with pytest.raises(KeyError) as caught:
        t["zz"]
    assert str(caught.value) == (
        "No value is named 'zz' in step 0. Nearest names: z, y, x."
    )


def test_a_value_prints_as_one_line() -> None:
    t = _quadratic()
    assert repr(t["y"]) == "<y: f32[] = 4, grad 3>"
    assert repr(t.last) == "<step 0: 4 ops, 8 events, open>"


def test_a_large_tensor_has_statistics_instead_of_numbers() -> None:
    with gs.trace() as t:
        x = torch.arange(257.0, requires_grad=True)
        (x * 2).sum().backward()
    with pytest.raises(gs.NotRecordedError) as caught:
        _ = t["x"].value
    assert str(caught.value) == (
        "The value of 'x', f32[257], was not kept whole in step 0: use .stats or "
        ".grad_stats, or record with a larger `whole`."
    )
    stats = t["x"].stats
    assert stats is not None
    # 0 + 1 + … + 256 = 256 · 257 / 2 over 257 elements
    assert (stats.minimum, stats.maximum, stats.mean, stats.zeros) == (0, 256, 128, 1)
    of_gradient = t["x"].grad_stats
    assert of_gradient is not None
    assert of_gradient.mean == 2.0


def test_whole_keeps_larger_tensors() -> None:
    with gs.trace(whole=1000) as t:
        x = torch.arange(257.0)
        y = x + 1
    np.testing.assert_array_equal(t["y"].value, y.numpy())


def test_a_trace_can_be_read_while_it_runs() -> None:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        assert t["y"].value == 4.0
        y.backward()
    assert t["x"].grad == 4.0


def test_an_empty_trace_says_so() -> None:
    with gs.trace() as t:
        pass
    with pytest.raises(gs.StepRangeError, match="The trace is empty: no torch"):
        _ = t.last
    assert t


def test_a_trace_is_entered_once() -> None:
    t = _quadratic()
    with pytest.raises(gs.CaptureError, match="make a new one for every `with`"):
        t.__enter__()


@pytest.mark.parametrize(
    "suffix",
    [".svg", ".png", ".pdf", ".html", ".dot", ".json", ".graphml", ".mmd", ".txt"],
)
def test_save_writes_every_format_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    starts = {
        ".svg": b"<",
        ".png": b"\x89PNG",
        ".pdf": b"%PDF",
        ".html": b"<!doctype html>",
        ".dot": b"digraph",
        ".json": b"{",
        ".graphml": b"<graphml",
        ".mmd": b"flowchart",
        ".txt": b"",
    }
    target = tmp_path / f"z{suffix}"
    _quadratic().save(target)
    written = target.read_bytes()
    assert len(written) > 100
    assert starts[suffix] in written[:200]


def test_save_marks_the_path_of_a_gradient(tmp_path: Path) -> None:
    t = _quadratic()
    t.save(tmp_path / "z.dot", path="x")
    t.last.save(tmp_path / "y.dot", path=("x", "y"), style="variables")

    # x → pow → mul → add → z, and x → y in the other style
    assert (tmp_path / "z.dot").read_text("utf-8").count("penwidth=3") == 5 + 4
    assert (tmp_path / "y.dot").read_text("utf-8").count("penwidth=3") == 2 + 1
    assert t.last.diagram(path="x").title.endswith("path of ∂z/∂x")


def test_a_trace_saved_as_a_recording_loads_to_the_same_numbers(tmp_path: Path) -> None:
    t = _quadratic()
    t.save(tmp_path / "z.gscope")
    with gs.load(tmp_path / "z.gscope") as recording:
        loaded = recording[0]
        assert loaded.trace.graph == t.last.trace.graph
        assert loaded["x"].grad == 12.0
        assert str(loaded) == str(t)


def test_a_whole_training_loop_is_recorded_unmodified(tmp_path: Path) -> None:
    def train() -> None:
        w = torch.tensor(1.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for _ in range(20):
            loss = (w - 3) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with gs.record(tmp_path / "run.gscope") as rec:
        train()
    assert rec.steps == 20
    recording = gs.load(tmp_path / "run.gscope")
    assert len(recording) == 20
    # w moves a fifth of the way to 3 in every step: w_k = 3 - 2 · 0.8^k
    assert recording[12]["w"].value == pytest.approx(3 - 2 * 0.8**12)
    assert recording[12]["w"].grad == pytest.approx(-4 * 0.8**12, rel=1e-5)
    assert recording[-1].step == 19
    assert recording.losses()[0] == 4.0
    with pytest.raises(gs.StepRangeError):
        recording[20]
    recording.close()


def test_record_refuses_an_existing_file_and_leaves_it_alone(tmp_path: Path) -> None:
    target = tmp_path / "notes.gscope"
    target.write_text("mine")
    with pytest.raises(gs.RecordingError), gs.record(target):
        pass
    assert target.read_text() == "mine"


def test_steps_that_do_not_fit_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("graphscope.storage.sink.MAX_BLOB_BYTES", 100)
    path = tmp_path / "run.gscope"
    with gs.record(path):
        torch.ones(100, requires_grad=True).sum().backward()
    said = capsys.readouterr().err
    assert said.startswith(f"graphscope: 1 of 1 steps are not in {path}: they were too")
    with (
        gs.load(path) as run,
        pytest.raises(NotRecordedError, match="1 were too large"),
    ):
        choose_step(run.recording, None)


def test_callbacks_get_frozen_notices_of_each_kind() -> None:
    seen: list[tuple[str, str, str]] = []

    def note(notice: Notice) -> None:
        seen.append((notice.kind.value, notice.name, notice.op))

    with gs.trace():
        for kind in ("op", "grad", "accumulate", "update", "step"):
            gs.on(kind, note)
        w = torch.ones(1, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.5)
        y = w * 3
        y.backward()
        optimizer.step()
    assert seen == [
        ("op", "w", "ones"),
        ("op", "y", "mul"),
        ("grad", "y", "MulBackward0"),
        ("accumulate", "w", "AccumulateGrad"),
        ("update", "w", "SGD"),
        ("step", "step 0", ""),
    ]


def test_a_callback_can_match_by_name_pattern_or_function() -> None:
    names: list[str] = []
    numbers: list[str] = []
    with gs.trace():
        gs.on("op", lambda n: names.append(n.name), match="h*")
        subscription = gs.on(
            "op",
            lambda n: numbers.append(format_observation(n.seen["value"])),
            match=lambda n: n.op == "mul",
        )
        h_1 = torch.ones(2) * 2
        h_2 = h_1 * 5
        subscription.remove()
        _ = h_2 * 7
    assert names == ["h_1", "h_2"]
    assert numbers == ["[2, 2]", "[10, 10]"]


def test_a_failing_callback_is_ended_and_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with gs.trace() as t:
        gs.on("op", lambda _notice: 1 / 0)
        x = torch.ones(1)
        y = x * 2
    assert t["y"].value.tolist() == [2.0]
    told = capsys.readouterr().err
    assert told.count("graphscope: a callback for 'op' events failed in step 0") == 1
    assert told.count("ZeroDivisionError") == 1
    assert y.item() == 2.0


def test_on_outside_of_a_trace_and_an_unknown_kind_are_refused() -> None:
    with pytest.raises(gs.CaptureError, match="while nothing is recorded"):
        gs.on("op", print)
    with gs.trace(), pytest.raises(gs.CaptureError, match="choose one of op, grad"):
        gs.on("opp", print)


def test_a_value_is_named_by_hand_and_the_tensor_comes_back() -> None:
    with gs.trace() as t:
        total = sum([gs.name(torch.ones(2) * 2, "doubled"), torch.ones(2)])
    assert t["doubled"].value.tolist() == [2.0, 2.0]
    assert isinstance(total, torch.Tensor)
    lonely = torch.ones(1)
    assert gs.name(lonely, "nobody records") is lonely


def test_step_and_name_do_nothing_when_nothing_is_recorded() -> None:
    with gs.step():
        assert gs.name(3, "three") == 3


def test_a_trace_keeps_no_model_alive() -> None:
    model = torch.nn.Linear(1, 1)
    reference = weakref.ref(model)
    with gs.trace(model) as t:
        model(torch.ones(1, 1))

    del model
    gc.collect()

    assert reference() is None
    assert t.last.names
