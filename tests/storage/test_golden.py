"""Recordings of older schemas open as they did on the day that they were made.

`golden/schema-1.sqlite` is a recording of three steps of

    z = x * w + b
    a = torch.sigmoid(z)
    m = (big * w).sum()
    l = torch.nn.functional.binary_cross_entropy(a, y)

with x = 3.7, y = 1, w = 0.5, b = 0.05, big = 0 … 299 and SGD of rate 0.1.
"""

from pathlib import Path
from shutil import copy

import numpy as np
import pytest

from graphscope.model.graph import Role
from graphscope.model.observation import Stats
from graphscope.model.trace import Status, Trace
from graphscope.storage.file import FileRecording, open_recording

GOLDEN = Path(__file__).parent / "golden" / "schema-1.sqlite"


@pytest.fixture
def recording(tmp_path: Path) -> FileRecording:
    copy(GOLDEN, tmp_path / "run.gscope")
    return open_recording(tmp_path / "run.gscope")


def number(trace: Trace, name: str) -> float:
    seen = trace.value_of(trace.resolve(name).id)
    assert seen is not None
    return float(str(seen.scalar))


def test_a_recording_of_schema_1_opens(recording: FileRecording) -> None:
    assert (len(recording), recording.status) == (3, Status.COMPLETE)
    assert (recording.damaged, recording.missing, recording.thinned) == ((), (), 0)
    assert not recording.is_written
    assert recording.environment["graphscope"] == "0.1.0"
    assert [Path(path).name for path in recording.sources] == ["train.py"]
    assert recording.losses() == pytest.approx(
        # −ln σ(1.9), and what torch's SGD made of it
        [0.13938669860363007, 0.11649110913276672, 0.09995289146900177],
        rel=1e-12,
    )


def test_its_numbers_are_what_they_were(recording: FileRecording) -> None:
    last = recording[2]
    assert number(last, "z") == pytest.approx(2.2526634, rel=1e-7)
    assert number(last, "w") == pytest.approx(0.58882606, rel=1e-7)
    gradient = last.gradient_of(last.resolve("z").id)
    assert gradient is not None
    assert gradient.data is not None
    assert gradient.data.dtype == np.float32
    assert float(gradient.data[0]) == pytest.approx(-0.09511995, rel=1e-6)
    big = last.value_of(last.resolve("big").id)
    assert big is not None
    assert big.summary == Stats(
        *(300, 0.0, 299.0, 149.5, 86.60205925188308, 2992.4989557224576, 1, 0, 0)
    )


def test_its_graph_is_what_it_was(recording: FileRecording) -> None:
    graph = recording[0].graph
    assert [op.name for op in graph.ops] == [
        *("mul", "add", "sigmoid", "mul", "sum", "binary_cross_entropy")
    ]
    names = [v.name for v in graph.values if v.name]
    assert names == ["x", "w", "b", "z", "a", "big", "m", "y", "l"]
    assert len(graph.slots) == 40
    came_later = graph.calls, graph.parameters, graph.optimizers
    assert came_later == ((), (), ())
    assert [trace.kept for trace in recording] == [(), (), ()]
    assert [value.set_by for value in graph.values] == [None] * len(graph.values)
    assert recording.series("w", Role.VALUE)[0] == 0.5
