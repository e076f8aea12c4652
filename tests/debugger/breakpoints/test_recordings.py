"""Breakpoints on steps that were really trained."""

from functools import cache
from math import inf

import pytest

from graphscope.debugger.breakpoints import BreakpointTable
from graphscope.lectures.catalog import demos_folder, read_topics
from graphscope.lectures.running import trace_example
from graphscope.model.trace import Trace
from tests.debugger.breakpoints.driving import line_of, pauses, pauses_of, train
from tests.samples import logistic_traces


@cache
def steps_of_net() -> list[Trace]:
    return train(2)


@cache
def demo(name: str) -> list[Trace]:
    """Return the steps of an example of the lectures, really run."""
    topics = read_topics(demos_folder())
    (example,) = (e for topic in topics for e in topic.examples if e.id == name)
    return list(trace_example(example).steps.recording)


ADAM = (
    "Adam update layers.0.fc.weight, layers.0.fc.bias, layers.1.fc.weight, "
    "layers.1.fc.bias, head.weight, head.bias"
)
RELU = "torch.relu(h) = relu"
BLOCK = f"driving.py:{line_of('line of the block')}"
LOSS = f"driving.py:{line_of('line of the loss')}"
BACKWARD = f"breakpoints/driving.py:{line_of('line of backward')}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("op:relu", [RELU, RELU, "before ReluBackward0", "before ReluBackward0"]),
        ("op:Adam", [ADAM]),
        ("layers.?", ["h = linear"] * 2 + ["before AddBackward0"] * 2),
        ("layers.*.fc", ["h = linear"] * 2 + ["before AddmmBackward0"] * 2),
        ("layers.1", ["h = linear", "before AddBackward0"]),
        ("module:layers", ["h = linear", "before AddBackward0"]),
        ("head", ["out = linear", "before AddmmBackward0"]),
        ("var:head.bias", ["accumulate head.bias", ADAM]),
        ("loss", ["loss = mean", "before MeanBackward0"]),
        ("node:TBackward0", ["before TBackward0"] * 3),
        ("phase:forward", ["h = linear"]),
        ("phase:loss", ["net(x) - y = sub"]),
        ("backward", ["before MeanBackward0"]),
        ("update", [ADAM]),
        (BLOCK, [RELU, RELU, "before AddBackward0", "before AddBackward0"]),
        (LOSS, ["net(x) - y = sub", "before MeanBackward0"]),
        (BACKWARD, ["accumulate head.bias"]),
        ("loss > 0 hit 2", []),
        ("MulBackward0 if grad.l2 > 1e9", []),
    ],
)
def test_a_breakpoint_pauses_a_network_at(text: str, expected: list[str]) -> None:
    found = pauses_of(text, steps_of_net())
    second = [line.removeprefix("1: ") for line in found if line.startswith("1: ")]
    assert second == expected


@pytest.mark.parametrize("text", [*("op:relu", "layers.*", "loss", "phase:backward")])
def test_it_is_the_same_events_where_nodes_cannot_be_paused_before(text: str) -> None:
    before = [line.replace("before ", "") for line in pauses_of(text, steps_of_net())]
    assert pauses_of(text, steps_of_net(), is_twice=False) == before


def test_a_condition_counts_an_event_once_though_a_node_comes_twice() -> None:
    table, once = BreakpointTable(), BreakpointTable()
    for t in (table, once):
        t.add("grad.l2 > 0.1")
    pauses(table, steps_of_net())
    pauses(once, steps_of_net(), is_twice=False)
    assert table.states()[0].hits == once.states()[0].hits > 10


def test_what_the_network_has_makes_no_problem() -> None:
    table = BreakpointTable()
    for text in ("relu", "layers.*.fc", "var:head.*", "*Backward0", BLOCK, BACKWARD):
        table.add(text)
    table.add("module:heads")
    table.check(steps_of_net()[0])
    assert [state.problem for state in table.states()] == [
        *[""] * 6,
        "No module is named 'heads'. Nearest: head.",
    ]


def test_a_step_by_hand_pauses_at_its_variables() -> None:
    assert pauses_of("b", demo("7e-linreg-step")) == [
        "0: b = tensor",
        "0: accumulate b",
        "0: b = sub_",
    ]
    assert pauses_of("y_hat if y_hat.grad.l2 > 1", demo("7e-linreg-step")) == [
        "0: before AddBackward0"
    ]


def test_a_condition_finds_the_seventh_step_of_a_hundred() -> None:
    house = demo("d4-house-train")
    assert pauses_of("bias if step == 7", house) == [
        "7: accumulate bias",
        "7: SGD update weight, bias",
    ]
    assert pauses_of("bias hit 8", house) == ["3: SGD update weight, bias"]
    first = next(t.step for t in house if (t.loss() or 0) < 100)
    assert pauses_of("loss < 100 hit 1", house)[0].startswith(f"{first}: ")


def test_a_condition_on_a_gradient_pauses_where_it_has_arrived() -> None:
    text = "w_1.grad.l2 > 0.45"  # it is 0.4814, 0.4069, 0.3519
    found = pauses_of(text, logistic_traces(3))
    assert found == ["0: accumulate w_1", "0: SGD update w_1, b"]


def test_nothing_is_nan_in_a_healthy_step() -> None:
    for text in ("has_nan", "has_inf", "exploding", "vanishing", "none_grad"):
        assert pauses_of(text, logistic_traces(3)) == []


def test_an_exploding_descent_is_found_where_it_explodes() -> None:
    steps = demo("x-exploding-lr")
    assert pauses_of("exploding hit 1", steps) == ["0: before TBackward0"]
    infinite = next(step.step for step in steps if step.loss() == inf)
    (found,) = pauses_of("loss.has_inf hit 1", steps)
    assert found.startswith(f"{infinite}: ")
