import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from graphscope.errors import RecordingError
from graphscope.model.codec import graph_from_data, graph_to_data
from graphscope.model.graph import Graph, Role, Slot
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Recording, Trace
from graphscope.storage.decode import StepNumbers
from graphscope.storage.encode import encode_body
from graphscope.storage.file import open_recording
from graphscope.storage.layout import SlotTable
from graphscope.storage.memory import MemoryRecording
from graphscope.storage.schema import decode_json, encode_json
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_graph, logistic_traces
from tests.storage.compare import bits, loss_bits, trace_bits
from tests.storage.generated import TEXTS, graphs, observations, traces

GENERATED = settings(max_examples=40, deadline=None)


@GENERATED
@given(graphs())
def test_a_graph_survives_json_unchanged(graph: Graph) -> None:
    payload = encode_json(graph_to_data(graph))
    assert graph_from_data(decode_json(payload)) == graph


@GENERATED
@given(graphs())
def test_equal_graphs_have_equal_bytes(graph: Graph) -> None:
    payload = encode_json(graph_to_data(graph))
    again = graph_from_data(decode_json(payload))
    assert encode_json(graph_to_data(again)) == payload


@GENERATED
@given(st.data())
def test_numbers_survive_bit_by_bit(data: st.DataObject) -> None:
    slots = [slot for graph in [data.draw(graphs())] for slot in graph.slots]
    seen = [data.draw(observations(slot)) for slot in slots]
    rows = data.draw(st.lists(st.integers(0, 2**32 - 1), max_size=3))
    table = SlotTable(slots)
    read = StepNumbers(table, encode_body(table, seen, rows))
    assert [bits(found) for found in read] == [bits(wanted) for wanted in seen]
    assert list(read.sources) == rows


@settings(max_examples=25, deadline=None)
@given(
    st.lists(traces(), max_size=3),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
)
def test_save_and_load_are_exact_inverses(
    saved: list[Trace], environment: dict[str, str]
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a b?c#d%41.gscope"
        writer = RecordingWriter(path, environment=environment)
        for trace in saved:
            writer.add(trace)
        writer.close()
        assert writer.error is None
        with open_recording(path) as read:
            assert [trace_bits(t) for t in read] == [trace_bits(t) for t in saved]
            assert read.environment == environment
            losses = [loss_bits(trace.loss()) for trace in saved]
            assert [loss_bits(loss) for loss in read.losses()] == losses
            assert read.damaged == ()
        assert [entry.name for entry in Path(folder).iterdir()] == [path.name]


def test_sites_that_ops_share_are_one_object_after_reading() -> None:
    graph = graph_from_data(graph_to_data(logistic_graph()))
    event = next(event for event in graph.events if event.op == 0)
    assert graph.ops[0].site is not None
    assert event.site is graph.ops[0].site


def test_the_json_of_a_graph_is_canonical() -> None:
    payload = encode_json(graph_to_data(logistic_graph()))
    text = payload.decode()
    data = json.loads(text)
    assert text == json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@pytest.mark.parametrize(
    "data",
    [
        np.float64(2.5).reshape(()),
        np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
        np.zeros((2, 0, 3), np.float32),
        np.array([True, False]),
        np.array([2**63 - 1, -(2**63)]),
        np.array([2**64 - 1], np.uint64),
        np.array([complex(np.nan, -0.0)]),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(6.0)[::-2],
        np.arange(4, dtype=">i2"),
        np.array([1.5], np.float16),
        np.array([1.5], np.longdouble),
    ],
    ids=lambda data: f"{data.dtype.str}{data.shape}",
)
def test_any_array_comes_back_though_the_slot_says_otherwise(
    data: Array,
) -> None:
    table = SlotTable([Slot(0, Role.VALUE, shape=(7,), dtype="float32")])
    (read,) = StepNumbers(table, encode_body(table, [Observation(data)], []))
    assert bits(read) == bits(Observation(data))


def test_widened_bfloat16_takes_four_bytes_per_element() -> None:
    table = SlotTable([Slot(0, Role.VALUE, shape=(3,), dtype="bfloat16")])
    seen = Observation(np.array([1.5, -2.0, 0.0], np.float32))
    body = encode_body(table, [seen], [])
    # 4 bytes number of sources + 1 status byte + 3 * 4 bytes
    assert len(body) == 4 + 1 + 3 * 4
    assert bits(StepNumbers(table, body)[0]) == bits(seen)


def test_objects_and_texts_count_as_not_read() -> None:
    table = SlotTable([Slot(0, Role.VALUE)])
    for data in (np.array([None]), np.array(["code"])):
        (read,) = StepNumbers(table, encode_body(table, [Observation(data)], []))
        assert read == Observation()


def test_a_trace_with_another_number_of_observations_is_refused() -> None:
    table = SlotTable([Slot(0, Role.VALUE)])
    with pytest.raises(ValueError, match="zip"):
        encode_body(table, [], [])


def test_observations_are_a_sequence_with_slices_and_negative_indices() -> None:
    trace = logistic_traces(1)[0]
    table = SlotTable(trace.graph.slots)
    read = StepNumbers(table, encode_body(table, trace.observations, []))
    assert bits(read[-1]) == bits(trace.observations[-1])
    assert list(map(bits, read[2:4])) == list(map(bits, trace.observations[2:4]))
    assert read[3] is read[3]
    with pytest.raises(IndexError):
        read[len(read)]


def test_file_and_memory_answer_alike(tmp_path: Path) -> None:
    steps = logistic_traces(5)
    memory = MemoryRecording(steps, {"python": "3"})
    writer = RecordingWriter(tmp_path / "r.gscope", environment={"python": "3"})
    for trace in steps:
        writer.add(trace)
    writer.close()
    with open_recording(tmp_path / "r.gscope") as file:
        both: list[Recording] = [file, memory]
        assert [len(recording) for recording in both] == [5, 5]
        assert file.environment == memory.environment
        assert file.losses() == memory.losses()
        for name, role in (
            ("w_1", Role.VALUE),
            ("w_1", Role.ARRIVED),
            ("z", Role.GRAD_OUTPUT),
            ("w_1", Role.BEFORE),
            ("nobody", Role.VALUE),
        ):
            assert file.series(name, role) == memory.series(name, role)
        assert trace_bits(file[-1]) == trace_bits(memory[-1])


def test_a_payload_that_is_no_json_is_refused() -> None:
    for payload in (b"", b"NaN", b"1.5", b"[1e9]", b"\xff", b"{", b"[" * 100_000):
        with pytest.raises(RecordingError):
            decode_json(payload)


def test_a_number_in_a_slot_of_an_unknown_dtype_survives() -> None:
    slot = Slot(0, Role.VALUE, dtype="quint8")
    seen = [Observation(np.array(0.5))]
    table = SlotTable([slot])
    read = StepNumbers(table, encode_body(table, seen, []))
    assert [bits(found) for found in read] == [bits(wanted) for wanted in seen]
