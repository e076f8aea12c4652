from dataclasses import replace
from io import BytesIO
from typing import Any

import networkx as nx
import numpy as np

from graphscope.model.graph import Role
from graphscope.model.observation import Observation, Stats
from graphscope.model.trace import Trace
from graphscope.render.graphml import number_attributes, to_graphml
from tests.diagram import cases
from tests.samples import logistic_trace


def read(trace: Trace) -> Any:
    text = to_graphml(trace)
    return nx.read_graphml(BytesIO(text.encode()), force_multigraph=True)


def test_ops_values_and_autograd_nodes_are_nodes_with_numbers() -> None:
    graph = read(logistic_trace())
    z = graph.nodes["v4"]
    assert (z["element"], z["label"], z["dtype"]) == ("value", "z", "float32")
    assert z["value"] == np.float32(1.9)
    # a - 1 with a = sigmoid(1.9)
    assert round(z["gradient"], 4) == -0.1301
    assert graph.nodes["op1"] == {
        "element": "op",
        "kind": "compute",
        "label": "add",
        "target": "torch.Tensor.add",
        "scope": "",
        "cut": "",
        "note": "",
        "file": "/home/me/logistic.py",
        "line": 13,
        "expression": "u + b",
    }
    assert graph.nodes["g1"] == {"element": "grad_node", "label": "AddBackward0"}


def test_edges_follow_the_data_forward_and_the_gradient_back() -> None:
    graph = read(logistic_trace())
    found = sorted(
        (source, target, data["relation"])
        for source, target, data in graph.edges(data=True)
        if "op0" in (source, target) or "g0" in (source, target)
    )
    assert found == [
        ("g0", "g4", "gradient"),
        ("g1", "g0", "gradient"),
        ("op0", "v2", "output"),
        ("v0", "op0", "input"),
        ("v1", "op0", "input"),
        ("v2", "g0", "grad_node"),
    ]
    (edge,) = graph.get_edge_data("g0", "g4").values()
    assert round(edge["gradient"], 4) == -0.4814


def test_a_value_used_twice_keeps_both_edges() -> None:
    graph = read(cases.shared_weight())
    assert graph.number_of_edges("v0", "op0") == 2


def test_names_that_xml_forbids_are_cleaned() -> None:
    trace = logistic_trace()
    name = 'a\x00"><script>\ud800&\x1b[0m'
    values = (replace(trace.graph.values[0], name=name), *trace.graph.values[1:])
    graph = read(replace(trace, graph=replace(trace.graph, values=values)))
    assert graph.nodes["v0"]["name"] == 'a\ufffd"><script>\ufffd&\ufffd[0m'


def test_numbers_that_no_reader_agrees_on_are_text() -> None:
    seen = Observation(np.array(np.inf))
    assert number_attributes("value", seen) == {"value_text": "∞"}
    stats = Stats(300, 0.0, 1.0, 0.5, 0.25, 9.0, 1, 2, 0)
    assert number_attributes("value", Observation(summary=stats)) == {
        "value_min": 0.0,
        "value_max": 1.0,
        "value_mean": 0.5,
        "value_std": 0.25,
        "value_l2": 9.0,
        "value_zeros": 1,
        "value_nans": 2,
        "value_infs": 0,
    }
    assert number_attributes("value", None) == {}


def test_a_gradient_that_was_none_has_no_number() -> None:
    trace = logistic_trace()
    slots = trace.slots_of(1, Role.ARRIVED)
    seen = [None if i in slots else s for i, s in enumerate(trace.observations)]
    graph = read(replace(trace, observations=tuple(seen)))
    assert "gradient" not in graph.nodes["v1"]
