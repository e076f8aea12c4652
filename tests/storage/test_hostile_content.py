"""Checksums that hold over content that is meant to harm."""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from graphscope.errors import RecordingError
from graphscope.model.codec import graph_from_data, graph_to_data
from graphscope.model.graph import Role, Slot
from graphscope.storage.decode import StepNumbers
from graphscope.storage.file import open_recording
from graphscope.storage.layout import SlotTable
from graphscope.storage.schema import encode_json, seal
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_graph, logistic_traces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run.gscope"
    writer = RecordingWriter(path, environment={})
    for trace in logistic_traces(3):
        writer.add(trace)
    writer.close()
    return path


def put(path: Path, table: str, row: int, body: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        statement = f"UPDATE {table} SET body = ? WHERE id = ?"  # noqa: S608
        database.execute(statement, (body, row))


def _graph_data(**changes: Any) -> dict[str, Any]:
    return {**graph_to_data(logistic_graph()), **changes}


def _value(**changes: Any) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = graph_to_data(logistic_graph())["values"]
    values[0] = {k: v for k, v in {**values[0], **changes}.items() if v is not ...}
    return values


BAD_GRAPHS: dict[str, Any] = {
    "a list": [],
    "nothing": None,
    "a part too few": {"values": []},
    "a part too many": _graph_data(more=[]),
    "values that are an object": _graph_data(values={}),
    "a value that is a number": _graph_data(values=[1]),
    "an unknown field": _graph_data(values=_value(__class__="os.system")),
    "a missing field": _graph_data(values=_value(dtype=...)),
    "an id of its own": _graph_data(values=_value(id=0)),
    "an unknown kind": _graph_data(values=_value(kind="virus")),
    "a kind that is a list": _graph_data(values=_value(kind=[])),
    "a truth value for an integer": _graph_data(values=_value(version=True)),
    "an integer for a truth value": _graph_data(values=_value(is_leaf=1)),
    "an integer of 65 bits": _graph_data(values=_value(version=2**64)),
    "a text for a shape": _graph_data(values=_value(shape="12")),
    "a negative size": _graph_data(values=_value(shape=[-1])),
    "too many axes": _graph_data(values=_value(shape=[1] * 65)),
    "a name without end": _graph_data(values=_value(name="x" * 2_000_000)),
    "a name that is no text": _graph_data(values=_value(name=["x"])),
    "a site that is not there": _graph_data(values=_value(site=999)),
    "a negative site": _graph_data(values=_value(site=-1)),
    "an op that is not there": _graph_data(values=_value(op=99)),
    "a negative op": _graph_data(values=_value(op=-1)),
    "its own earlier version": _graph_data(values=_value(previous=0)),
    "the op that needs it": _graph_data(values=_value(op=0)),
    "a site of two": _graph_data(sites=[["f", 1]]),
    "a frame that is not there": _graph_data(
        sites=[["f", 1, 1, 0, 0, "", "", [7]]], frames=[]
    ),
    "a frame of two": _graph_data(frames=[["f", 1]]),
    "an unknown phase": _graph_data(
        events=[{"kind": "op", "phase": 6, "pass_index": 0}]
    ),
    "a phase that is true": _graph_data(
        events=[{"kind": "op", "phase": True, "pass_index": 0}]
    ),
    "three slot bounds": _graph_data(
        events=[{"kind": "op", "phase": 1, "pass_index": 0, "slots": [0, 1, 2]}]
    ),
    "slots that overlap": _graph_data(
        events=[{"kind": "op", "phase": 1, "pass_index": 0, "slots": [0, 99]}]
    ),
    "grad nodes in a circle": _graph_data(
        grad_nodes=[
            {
                "name": "A",
                "op": None,
                "outputs": [],
                "edges": [{"target": i, "output": 0, "value": None}],
            }
            for i in (1, 0, 2, 2, 2, 2)
        ]
    ),
    "roots that are not there": _graph_data(roots=[8]),
    "a call inside of itself": _graph_data(
        calls=[{"path": "", "class_name": "Net", "parent": 0}]
    ),
    "a call inside of a later one": _graph_data(
        calls=[
            {"path": "", "class_name": "Net", "parent": 1},
            {"path": "", "class_name": "Net"},
        ]
    ),
    "a parameter that is not there": _graph_data(
        calls=[{"path": "", "class_name": "Net", "parameters": [0]}]
    ),
    "a result that is a number": _graph_data(
        calls=[{"path": "", "class_name": "Net", "outputs": [3]}]
    ),
    "a frozen parameter that is 0": _graph_data(
        parameters=[{"name": "w", "shape": [], "requires_grad": 0}]
    ),
}


@pytest.mark.parametrize("reason", BAD_GRAPHS)
def test_a_malformed_graph_costs_its_steps_and_nothing_else(
    path: Path, reason: str
) -> None:
    with pytest.raises(
        RecordingError, match=r"The graph is (malformed|not consistent)"
    ):
        graph_from_data(BAD_GRAPHS[reason])
    put(path, "graph", 0, seal("graph", 0, encode_json(BAD_GRAPHS[reason])))
    losses = [trace.loss() for trace in logistic_traces(3)]
    with open_recording(path) as recording:
        assert recording.damaged == (0, 1, 2)
        assert recording.losses() == losses
        assert recording.series("w_1", Role.VALUE) == [None, None, None]


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b'{"values": NaN}',
        b"1" * 10_000,
        b"\xff\xfe",
        b'"\\ud800',
        b"",
    ],
    ids=len,
)
def test_json_that_is_meant_to_break_the_parser_is_refused(
    path: Path, payload: bytes
) -> None:
    put(path, "graph", 0, seal("graph", 0, payload))
    with open_recording(path) as recording:
        assert recording.damaged == (0, 1, 2)


def _bodies() -> Iterator[tuple[str, bytes]]:
    no_sources = struct.pack("<I", 0)
    yield "empty", b""
    yield "sources without end", struct.pack("<I", 2**32 - 1)
    yield "no statuses", no_sources
    yield "an unknown status", no_sources + b"\x05\x00"
    yield "data that is not there", no_sources + b"\x02\x00"
    yield "huge data", no_sources + b"\x00\x02" + b"\x00" * 100
    yield "statistics that are not there", no_sources + b"\x03\x00" + b"\x00" * 71
    yield "bytes that nobody asked for", no_sources + b"\x00\x00\x00"


@pytest.mark.parametrize(("reason", "body"), list(_bodies()))
def test_a_body_that_does_not_fit_its_slots_is_refused(
    reason: str, body: bytes
) -> None:
    slots = [
        Slot(0, Role.VALUE, shape=(4,)),
        Slot(0, Role.VALUE, shape=(2**31, 2**31, 2**31)),
    ]
    with pytest.raises(RecordingError) as refused:
        StepNumbers(SlotTable(slots), body)
    assert str(refused.value).endswith("."), reason


def _entry(name: bytes, shape: tuple[int, ...], data: bytes = b"") -> bytes:
    sizes = struct.pack(f"<{len(shape)}q", *shape)
    return bytes([0, len(name)]) + name + bytes([len(shape)]) + sizes + data


@pytest.mark.parametrize(
    "entry",
    [
        _entry(b"|O", (1,), b"\x00" * 8),
        _entry(b"<U9", (1,), b"\x00" * 36),
        _entry(b"<f8,<f8", (1,), b"\x00" * 16),
        _entry(b"<f3", (1,), b"\x00" * 8),
        _entry(b"\xff\xff", (1,), b"\x00" * 8),
        _entry(b"<f8", (-1,), b"\x00" * 8),
        _entry(b"<f8", (-1, -1), b"\x00" * 8),
        _entry(b"<f8", (2**62, 2**62), b"\x00" * 8),
        _entry(b"<f8", (0, 2**62, 2**62), b"\x00" * 8),
        _entry(b"<f8", (1,) * 100, b"\x00" * 8),
        _entry(b"<f8", (2,), b"\x00" * 8),
        b"\x00\xff",
        b"\x01",
        b"",
    ],
    ids=repr,
)
def test_an_entry_with_its_own_header_is_not_trusted(entry: bytes) -> None:
    table = SlotTable([Slot(0, Role.VALUE)])
    for place in (0, 2**63):
        body = struct.pack("<I", 0) + b"\x04" + struct.pack("<Q", place) + entry
        with pytest.raises(RecordingError):
            StepNumbers(table, body)[0]
