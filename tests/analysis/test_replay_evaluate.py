"""Values computed again with other numbers in the place of recorded ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn

import graphscope as gs
from graphscope.analysis.replay.evaluate import evaluate
from graphscope.model.graph import Argument, Op, OpKind
from graphscope.model.trace import Trace
from tests.analysis.differences import leaf_of, trace_of


def quadratic() -> Trace:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        z = 3 * y + 2
        z.backward()
    return t.last.trace


def test_another_input_gives_another_result() -> None:
    trace = quadratic()
    x, y, z = (trace.resolve(name).id for name in "xyz")
    found = evaluate(trace, z, overrides={x: np.array(3.0)})
    # 3 · 3² + 2
    assert found.reason == ""
    assert found.value is not None
    assert float(found.value) == 29.0
    assert float(found.values[y]) == 9.0


def test_a_value_in_the_middle_can_be_given_and_cuts_off_what_is_before_it() -> None:
    trace = quadratic()
    x, y, z = (trace.resolve(name).id for name in "xyz")
    found = evaluate(trace, z, overrides={x: np.array(3.0), y: np.array(1.0)})
    assert float(found.values[z]) == 5.0


def test_a_root_that_nothing_changes_is_what_was_recorded() -> None:
    trace = quadratic()
    x, z = trace.resolve("x").id, trace.resolve("z").id
    assert evaluate(trace, z, overrides={}).value == 14.0
    assert evaluate(trace, x, overrides={z: np.array(1.0)}).value == 2.0
    assert evaluate(trace, z, overrides={z: np.array(1.0)}).value == 1.0


def test_data_flows_also_where_the_gradient_does_not() -> None:
    def program() -> Any:
        return x.detach() * x + x[x.argmax()]

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    trace = trace_of(program)
    found = evaluate(
        trace,
        trace.graph.roots[-1],
        overrides={leaf_of(trace, x): np.array([5.0, 3.0])},
    )
    # x² + the largest of x
    assert found.value is not None
    assert found.value.tolist() == [30.0, 14.0]


def test_a_weight_of_a_module_can_be_replaced() -> None:
    torch.manual_seed(0)
    first = nn.Linear(3, 2)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(2, 1))
    inputs = torch.randn(4, 3)
    with gs.trace(model) as t:
        loss = F.mse_loss(model(inputs), torch.ones(4, 1))
        loss.backward()
    trace = t.last.trace
    weight = np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.5]])
    with torch.no_grad():
        first.weight.copy_(torch.from_numpy(weight))
        expected = F.mse_loss(model(inputs), torch.ones(4, 1))
    overrides = {trace.resolve("0.weight").id: weight}
    found = evaluate(trace, trace.resolve("loss").id, overrides=overrides)
    assert found.value == pytest.approx(expected.item(), rel=1e-6)


def test_a_view_sees_what_was_written_through_another() -> None:
    def program() -> Any:
        y = x * 2
        column, flat = y.t()[0], y.view(-1)
        flat[3:] *= 10
        column += 1
        return flat

    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    trace = trace_of(program)
    numbers = np.ones((2, 3))
    found = evaluate(
        trace, trace.graph.roots[-1], overrides={leaf_of(trace, x): numbers}
    )
    # all of it twice 1; the second row ten times that; the first column and 1
    assert found.value is not None
    assert found.value.tolist() == [3.0, 2.0, 2.0, 21.0, 20.0, 20.0]


def test_an_override_of_another_shape_is_a_mistake_of_the_caller() -> None:
    trace = quadratic()
    ends = trace.resolve("z").id, trace.resolve("x").id
    with pytest.raises(ValueError, match=r"x has the shape \(\), not \(2,\)"):
        evaluate(trace, ends[0], overrides={ends[1]: np.ones(2)})


def test_what_cannot_be_computed_is_said_and_not_guessed() -> None:
    def program() -> Any:
        return torch.digamma(x)

    x = torch.tensor([1.5], requires_grad=True)
    trace = trace_of(program)
    found = evaluate(
        trace, trace.graph.roots[-1], overrides={leaf_of(trace, x): np.ones(1)}
    )
    assert found.value is None
    assert found.reason.startswith("there is no formula here for digamma at ")


def damaged(name: str, *arguments: tuple[str, int | None, str]) -> Trace:
    """Return a step with an op as a stranger's recording may have it."""

    def program() -> Any:
        return (x * 2).sum()

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    trace = trace_of(program)
    root = trace.graph.roots[-1]

    def change(op: Op) -> Op:
        if root not in op.outputs:
            return op
        found = tuple(Argument(*argument) for argument in arguments)
        first = Argument("", op.inputs[0], "")
        return replace(op, name=name, target=f"torch.{name}", arguments=(first, *found))

    ops = tuple(change(op) for op in trace.graph.ops)
    return replace(trace, graph=replace(trace.graph, ops=ops))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("repeat", "1000000000"),
        ("repeat_interleave", "1000000000"),
        ("sum", "9**9**9**9"),
        ("sum", "(" * 5_000 + ")" * 5_000),
        ("sum", "-" * 3_000 + "1"),
        ("sum", "[" * 300 + "]" * 300),
        ("sum", "__import__('os').getpid()"),
        ("sum", "99"),
        ("sum", "'x'"),
        ("sum", "1e400"),
        ("sum", "(0, 0)"),
        ("pad", "(1000000000, 0)"),
        ("pad", "(-1, 0)"),
        ("getitem", "slice(0, 1, 0)"),
        ("getitem", "[0, 0, 0, 0]"),
        ("getitem", "[[1, 2], [3]]"),
        ("transpose", "0, 1"),
        ("view", "3"),
        ("cat", "0"),
        ("einsum", "'ij->k'"),
        ("norm", "'fro"),
        ("topk", "5"),
        ("one_hot", "-1"),
        ("cross_entropy", "'mean'"),
        ("conv1d", "0"),
        ("max_pool1d", "0"),
        ("layer_norm", "(3, 4)"),
        ("lstm", "True"),
        ("add", "None"),
    ],
)
def test_a_damaged_recording_is_refused_at_little_cost(name: str, text: str) -> None:
    trace = damaged(name, ("", None, text))
    start = trace.graph.values[0].id
    found = evaluate(
        trace, trace.graph.roots[-1], overrides={start: np.array([1.0, 3.0])}
    )
    assert found.value is None
    assert found.reason


def test_operands_that_broadcast_to_far_more_are_refused() -> None:
    def program() -> Any:
        return ((x.T @ x) * 2).sum()

    x = torch.ones(1, 8, requires_grad=True)
    trace = trace_of(program)
    start = leaf_of(trace, x)

    def change(op: Op) -> Op:
        if op.name != "mul":
            return op
        pair = (Argument("", columns, ""), Argument("", start, ""))
        return replace(op, arguments=pair)

    columns = next(op for op in trace.graph.ops if op.name == "T").outputs[0]
    shapes = {start: (1, 10**6), columns: (10**6, 1)}
    values = tuple(
        replace(v, shape=shapes.get(v.id, v.shape)) for v in trace.graph.values
    )
    ops = tuple(change(op) for op in trace.graph.ops)
    changed = replace(trace, graph=replace(trace.graph, ops=ops, values=values))
    found = evaluate(
        changed, trace.graph.roots[-1], overrides={start: np.ones((1, 10**6))}
    )
    assert "mul at" in found.reason
    assert "would make an array of too many elements" in found.reason


def test_a_sequence_with_a_huge_position_is_no_huge_list() -> None:
    trace = damaged("cat", ("[999999999]", 0, ""))
    found = evaluate(trace, trace.graph.roots[-1], overrides={0: np.array([1.0, 3.0])})
    assert found.reason


@pytest.mark.parametrize("kind", list(OpKind))
def test_every_kind_of_op_is_evaluated_or_refused(kind: OpKind) -> None:
    trace = quadratic()
    ops = tuple(replace(op, kind=kind) for op in trace.graph.ops)
    changed = replace(trace, graph=replace(trace.graph, ops=ops))
    x, z = trace.resolve("x").id, trace.resolve("z").id
    found = evaluate(changed, z, overrides={x: np.array(3.0)})
    assert (found.value is None) == bool(found.reason)
