import json
from dataclasses import replace

import numpy as np
import pytest

from graphscope.model.graph import Event, EventKind, Graph, Phase, Role, Slot
from graphscope.model.observation import Observation, Stats
from graphscope.model.trace import Status, Trace
from graphscope.render.json_export import to_json
from tests.samples import logistic_trace

NAN, INF = float("nan"), float("inf")


def refuse(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


def test_the_whole_document_of_a_tiny_step() -> None:
    event = Event(0, EventKind.UPDATE, Phase.UPDATE, 0, slots=(0, 4), label="SGD")
    slots = tuple(Slot(0, Role.HYPER, label=name) for name in "abcd")
    seen = (
        Observation(np.array([[1.0, NAN], [INF, -INF]])),
        None,
        Observation(),
        Observation(summary=Stats(300, NAN, INF, 0.5, 0.0, 1.0, 0, 1, 2)),
    )
    graph = Graph(events=(event,), slots=slots)
    trace = Trace(graph, 3, seen, Status.ABORTED, "ValueError: ∂", {"a.py": "x\ud800"})
    assert (
        to_json(trace)
        == """\
{
"format": "graphscope.trace",
"version": 1,
"step": 3,
"status": "aborted",
"error": "ValueError: ∂",
"graph": {
"values": [],
"ops": [],
"grad_nodes": [],
"events": [
  {"index": 0, "kind": "update", "phase": 5, "pass_index": 0, "op": null, \
"grad_node": null, "values": [], "slots": [0, 4], "site": null, "label": "SGD"}
],
"slots": [
  {"event": 0, "role": "hyper", "value": null, "grad_node": null, "position": 0, \
"shape": [], "dtype": "float32", "label": "a"},
  {"event": 0, "role": "hyper", "value": null, "grad_node": null, "position": 0, \
"shape": [], "dtype": "float32", "label": "b"},
  {"event": 0, "role": "hyper", "value": null, "grad_node": null, "position": 0, \
"shape": [], "dtype": "float32", "label": "c"},
  {"event": 0, "role": "hyper", "value": null, "grad_node": null, "position": 0, \
"shape": [], "dtype": "float32", "label": "d"}
],
"scopes": [],
"roots": [],
"gaps": [],
"calls": [],
"parameters": [],
"optimizers": []
},
"observations": [
  {"dtype": "float64", "shape": [2, 2], "data": [[1.0, "NaN"], \
["Infinity", "-Infinity"]]},
  null,
  {},
  {"stats": {"numel": 300, "minimum": "NaN", "maximum": "Infinity", "mean": 0.5, \
"std": 0.0, "l2": 1.0, "zeros": 0, "nans": 1, "infs": 2}}
],
"kept": [],
"findings": [],
"sources": {"a.py": "x\\ud800"}
}
"""
    )


def test_a_step_reads_back_with_every_slot_beside_its_numbers() -> None:
    document = json.loads(to_json(logistic_trace()), parse_constant=refuse)
    slots = document["graph"]["slots"]
    assert len(slots) == len(document["observations"])
    value = next(i for i, s in enumerate(slots) if s["value"] == 4)
    assert document["observations"][value] == {
        "dtype": "float32",
        "shape": [1],
        "data": [pytest.approx(1.9)],
    }
    assert document["graph"]["ops"][1]["site"]["expression"] == "u + b"


def test_complex_numbers_are_pairs() -> None:
    trace = logistic_trace()
    seen = (Observation(np.array([1 + 2j])), *trace.observations[1:])
    document = json.loads(to_json(replace(trace, observations=seen)))
    assert document["observations"][0] == {
        "dtype": "complex128",
        "shape": [1],
        "data": [[1.0, 2.0]],
    }
