"""Where no finite difference makes sense, and the sentence that says why."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
import torch.utils.checkpoint
from torch import nn

import graphscope as gs
from graphscope.analysis.replay.difference import finite_difference
from graphscope.model.graph import Op
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from tests.analysis.differences import check, leaf_of, reason, trace_of

Program = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            lambda x: F.dropout(x, 0.5),
            ("dropout at model.py:N: it is random, and its mask was not recorded"),
        ),
        (
            lambda x: torch.bernoulli(x) + x,
            (
                "bernoulli at model.py:N: it is random, and what it drew was not "
                "recorded"
            ),
        ),
        (
            lambda x: F.rrelu(x, training=True),
            ("rrelu at model.py:N: it drew random slopes, which were not recorded"),
        ),
        (
            lambda x: torch.digamma(x) + 1,
            "there is no formula here for digamma at model.py:N",
        ),
        (
            lambda x: x.norm(p="nuc") if x.ndim > 1 else x[None].norm(p="nuc"),
            ("norm at model.py:N: there is no formula for the matrix norm 'nuc'"),
        ),
        (
            lambda x: F.embedding(torch.tensor([0, 1]), x[:, None], padding_idx=0),
            (
                "embedding at model.py:N: it takes its padding row, which gets no "
                "gradient"
            ),
        ),
    ],
)
def test_an_operator_that_cannot_be_computed_again_is_named(
    program: Program, expected: str
) -> None:
    assert reason(program, 0.3, 0.2) == expected


def test_drawn_numbers_are_constants_like_any_other() -> None:
    x = torch.tensor([0.3, 0.2], requires_grad=True)
    checked = check(lambda x: torch.randn_like(x) * x + torch.rand(2), x)
    assert checked.distance < 1e-6


def test_an_argument_that_is_a_variable_is_named() -> None:
    axis = 0
    expected = "sum at model.py:N: the value of its argument dim=axis was not recorded"
    assert reason(lambda x: x[None].sum(axis) ** 2, 0.3, 0.2) == expected


def test_an_index_that_is_a_variable_is_refused() -> None:
    def program(x: Any) -> Any:
        y = torch.zeros(3, 2)
        for row in range(3):
            y[row] = x**row
        return y

    expected = "setitem at model.py:N: its index was not recorded"
    assert reason(program, 0.3, 0.2).replace("the index row", "its index") == expected


class Cube(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2


def test_a_function_with_a_backward_of_its_own_is_refused() -> None:
    expected = (
        "Cube at model.py:N is a function with a backward of its own, and is not "
        "computed again"
    )
    assert reason(lambda x: Cube.apply(x).sum(), 0.3, 0.2) == expected


def test_what_was_made_before_the_trace_is_a_gap() -> None:
    x = torch.tensor([0.3, 0.2], requires_grad=True)
    y = x * 2
    with gs.trace() as t:
        root = (y * 3 + x).sum()
        root.backward()
    trace = t.last.trace
    leaf = leaf_of(trace, x)
    found = finite_difference(trace, leaf, trace.graph.roots[-1], np.ones(()))
    assert found.reason == (
        "a part of the forward could not be seen: MulBackward0 was made where it "
        "could not be seen: before the trace, in another thread, or in a compiled or "
        "scripted function"
    )


def test_statistics_are_not_enough_to_start_from() -> None:
    with gs.trace() as t:
        x = torch.tensor([0.3, 0.2], requires_grad=True)
        weight = torch.ones(2, 300)
        (x @ weight).sum().backward()
    trace = t.last.trace
    found = finite_difference(
        trace, leaf_of(trace, x), trace.graph.roots[-1], np.ones(())
    )
    assert found.reason == (
        "of weight, f32[2, 300], only statistics were kept: record with a larger "
        "`whole`"
    )


def test_statistics_in_between_are_compared_and_are_no_reason() -> None:
    with gs.trace() as t:
        x = torch.tensor([0.3, 0.2], requires_grad=True)
        y = x.expand(300, 2) * 2
        y.sum().backward()
    trace = t.last.trace
    found = finite_difference(
        trace, leaf_of(trace, x), trace.graph.roots[-1], np.ones(())
    )
    # 300 rows, each twice x
    assert found.reason == ""
    assert found.gradient is not None
    assert np.allclose(found.gradient, [600.0, 600.0])


def test_whole_numbers_have_no_derivative() -> None:
    def program() -> Any:
        return (torch.tensor([1, 2]) * torch.ones(2, requires_grad=True)).sum()

    trace = trace_of(program)
    whole = next(v.id for v in trace.graph.values if v.dtype == "int64")
    name = trace.title_of(whole)
    found = finite_difference(trace, whole, trace.graph.roots[-1], np.ones(()))
    assert found.reason == f"{name} is int64, and has no derivative"


def test_a_root_that_is_not_finite_has_no_derivative() -> None:
    def program(x: Any) -> Any:
        loss = x.log().sum()
        return loss * 1

    assert reason(program, -1.0) == "loss * 1 is NaN, and has no derivative"
    assert reason(lambda x: x.exp() * 2, 1e3).endswith("is ∞, and has no derivative")


def test_a_saturated_sigmoid_is_said_to_be_rounding_and_not_a_wrong_gradient() -> None:
    def program(z: Any) -> Any:
        a = torch.sigmoid(z)
        return F.binary_cross_entropy(a, torch.zeros(1))

    # In float32 sigmoid(20) is 1, and the loss is torch's bound of 100; exact it is
    # −log(1 − sigmoid(20)) = 20.
    assert reason(program, 20.0) == (
        "float32 rounded a to 1, so that binary_cross_entropy at model.py:N gave 100 "
        "and not 20: the recorded numbers are not "
        "those of exact arithmetic"
    )


def test_a_saturated_sigmoid_far_out_is_flat_for_both() -> None:
    def program(z: Any) -> Any:
        return F.binary_cross_entropy(torch.sigmoid(z), torch.zeros(1))

    checked = check(program, torch.tensor([100.0], requires_grad=True))
    assert checked.gradient.tolist() == [0.0]
    assert checked.autograd.tolist() == [0.0]


def test_a_residual_of_rounding_errors_is_said_to_be_that() -> None:
    def program(x: Any) -> Any:
        y = x * 1.0000001 + 1e-6
        return (y - 1).square()

    assert reason(program, 1.0) == (
        "float32 rounded y to 1, so that sub at model.py:N gave 1.073e−06 and not "
        "1.100e−06: the recorded numbers are not those of exact "
        "arithmetic"
    )


def renamed(trace: Trace, before: str, after: str) -> Trace:
    """Return a trace in which an op is recorded as another one."""

    def change(op: Op) -> Op:
        target = f"torch.Tensor.{after}"
        return replace(op, name=after, target=target) if op.name == before else op

    ops = tuple(change(op) for op in trace.graph.ops)
    return replace(trace, graph=replace(trace.graph, ops=ops))


def test_an_op_that_does_not_give_what_was_recorded_is_named() -> None:
    def program() -> Any:
        y = x * torch.tensor([2.0, 3.0])
        return y.sum()

    x = torch.tensor([0.5, 0.25], requires_grad=True)
    trace = renamed(trace_of(program), "mul", "div")
    found = finite_difference(
        trace, leaf_of(trace, x), trace.graph.roots[-1], np.ones(())
    )
    # recorded: 0.5 · 2 = 1; as a division: 0.5 / 2
    assert re.sub(r"\w+\.py:\d+", "model.py:N", found.reason) == (
        "div at model.py:N could not be reproduced: y[0] is 1 in the recording, and "
        "0.25 when it is computed again"
    )


@pytest.mark.parametrize("factor", [1 + 1e-5, 1 - 1e-5])
def test_a_number_that_is_off_by_a_hundred_roundings_shows(factor: float) -> None:
    def program() -> Any:
        return (x.exp() * 2).sum()

    x = torch.tensor([0.5, 0.25], requires_grad=True)
    trace = trace_of(program)
    slot = next(
        index
        for index, seen in enumerate(trace.observations)
        if seen is not None and seen.data is not None and seen.data.shape == ()
        if trace.graph.slots[index].dtype == "float32"
    )
    observations = list(trace.observations)
    data = observations[slot].data  # type: ignore[union-attr]
    assert data is not None
    observations[slot] = Observation((data * factor).astype(np.float32))
    damaged = replace(trace, observations=tuple(observations))
    found = finite_difference(
        damaged, leaf_of(damaged, x), damaged.graph.roots[-1], np.ones(())
    )
    assert "sum at test_replay_refusals.py" in found.reason
    assert "could not be reproduced" in found.reason


def test_a_direction_without_length_is_refused() -> None:
    def program() -> Any:
        return (x**3).sum()

    x = torch.linspace(-1, 1, 100).requires_grad_()
    trace = trace_of(program)
    found = finite_difference(
        trace,
        leaf_of(trace, x),
        trace.graph.roots[-1],
        np.ones(()),
        direction=np.zeros(100),
    )
    assert found.reason == ("the direction has no length or not the shape of the leaf")


def test_checkpointing_that_saves_tensors_is_computed_again_like_any_forward() -> None:
    def program(x: Any) -> Any:
        return torch.utils.checkpoint.checkpoint(
            lambda a: (a * a).tanh(), x, use_reentrant=False
        )

    x = torch.tensor([0.3, 0.7], requires_grad=True)
    assert check(program, x).distance < 1e-6


def test_a_network_of_many_ops_is_refused_with_their_number() -> None:
    def program(x: Any) -> Any:
        for _ in range(2_100):
            x = x * 1.0001
        return x

    assert reason(program, 0.5) == (
        "2,100 ops lie in between, more than the 2,000 that are computed again"
    )


def test_a_module_in_training_names_its_dropout() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
    expected = "dropout at model.py:N: it is random, and its mask was not recorded"
    assert reason(model, 0.3, 0.2) == expected
