"""Gradient checkpointing: the forward that runs again inside of backward."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import BoxKind
from graphscope.model.graph import Phase
from graphscope.model.trace import Trace
from tests.zoo.asking import gaps, op_named, ops_named, picture, seen_as
from tests.zoo.watching import Look, Program, three_parts, watch


def _block(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    h = x * w
    return torch.tanh(h)


def not_reentrant(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)
    w = torch.tensor([0.5, 2.0], requires_grad=True)
    y = checkpoint(_block, x, w, use_reentrant=False)
    loss = y.sum()
    look(loss, x=x, w=w, y=y)
    loss.backward()
    return [x.grad, w.grad]


def reentrant(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)
    w = torch.tensor([0.5, 2.0], requires_grad=True)
    y = checkpoint(_block, x, w, use_reentrant=True)
    loss = y.sum()
    look(loss)
    loss.backward()
    return [x.grad, w.grad]


def with_dropout(look: Look) -> Any:
    block = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Tanh())
    x = torch.randn(2, 4, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)
    loss = y.sum()
    look(loss, x=x, y=y, **dict(block.named_parameters()))
    loss.backward()
    return [x.grad, [p.grad for p in block.parameters()]]


def in_segments(look: Look) -> Any:
    blocks = nn.Sequential(*[nn.Linear(2, 2) for _ in range(4)])
    x = torch.ones(1, 2, requires_grad=True)
    y = checkpoint_sequential(blocks, 2, x, use_reentrant=False)
    loss = y.sum()
    look(loss, x=x)
    loss.backward()
    return [x.grad, [p.grad for p in blocks.parameters()]]


def nested_checkpoints(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)

    def outer(v: torch.Tensor) -> torch.Tensor:
        inner: torch.Tensor = checkpoint(torch.sin, v * 2, use_reentrant=False)
        return inner * 3

    y = checkpoint(outer, x, use_reentrant=False)
    loss = y.sum()
    look(loss, x=x)
    loss.backward()
    return x.grad


NOT_TRUE_OF_TORCH: list[Program] = [
    reentrant
]  # autograd.grad refuses reentrant checkpoints
PROGRAMS: list[Program] = [not_reentrant, with_dropout, in_segments, nested_checkpoints]
test_it_is_harmless, test_it_is_complete, _, test_it_can_be_drawn = three_parts(
    PROGRAMS + NOT_TRUE_OF_TORCH
)
_, _, test_it_is_true, _ = three_parts(PROGRAMS)
both = pytest.mark.parametrize("program", [not_reentrant, reentrant])


def _recomputed(trace: Trace) -> list[str]:
    return [op.name for op in trace.graph.ops if op.kind.value == "recompute"]


@both
def test_what_ran_again_in_backward_is_seen(program: Program) -> None:
    trace = watch(program).last
    assert _recomputed(trace) == ["mul", "tanh"]


@both
def test_it_is_an_event_of_backward(program: Program) -> None:
    trace = watch(program).last
    ids = {op.id for op in trace.graph.ops if op.kind.value == "recompute"}
    phases = [event.phase for event in trace.graph.events if event.op in ids]
    assert phases == [Phase.BACKWARD] * 2


@both
def test_it_is_not_drawn_as_a_forward_op(program: Program) -> None:
    trace = watch(program).last
    diagram = build_diagram(trace)
    forward = [box for box in diagram.boxes if box.kind is BoxKind.OPERATION]
    drawn = [trace.graph.ops[op].kind.value for box in forward for op in box.ops]
    assert "recompute" not in drawn
    assert picture(trace).count("tanh(h)") == 1
    assert any("2 ops ran again in backward" in note for note in diagram.notes)


@both
def test_its_line_and_its_forward_op_are_known(program: Program) -> None:
    trace = watch(program).last
    first, again = ops_named(trace, "tanh")
    assert first.kind.value == "compute"
    assert again.kind.value == "recompute"
    assert first.site == again.site or (
        first.site
        and again.site
        and (first.site.file, first.site.line) == (again.site.file, again.site.line)
    )


def test_the_nodes_belong_to_the_ops_of_the_first_forward() -> None:
    trace = watch(not_reentrant).last
    first = ops_named(trace, "tanh")[0]
    assert [trace.graph.grad_nodes[n].name for n in first.grad_nodes] == [
        "TanhBackward0"
    ]


def test_reentrant_gradients_of_parameters_are_recorded() -> None:
    trace = watch(reentrant).last
    # y = tanh(x w): 1 - tanh(0.5)^2 = 0.7864, 1 - tanh(2)^2 = 0.0707
    assert seen_as(trace, "arrived", "w") == [[0.7864, 0.0707]]
    assert seen_as(trace, "arrived", "x") == [[0.3932, 0.1413]]


def test_the_reentrant_function_is_one_op_with_its_inside() -> None:
    trace = watch(reentrant).last
    op = op_named(trace, "CheckpointFunction")
    inside = [o.name for o in trace.graph.ops if o.scope == "CheckpointFunction"]
    assert inside[:2] == ["mul", "tanh"]
    assert "CheckpointFunctionBackward" in [
        trace.graph.grad_nodes[n].name for n in op.grad_nodes
    ]
    assert "cut: no_grad" not in picture(trace)


def test_dropout_is_recomputed_with_the_same_numbers() -> None:
    trace = watch(with_dropout).last
    first, again = ops_named(trace, "dropout")
    one, other = (trace.value_of(op.outputs[0]) for op in (first, again))
    assert one is not None
    assert other is not None
    assert one.data is not None
    assert other.data is not None
    assert one.data.tolist() == other.data.tolist()


def test_nothing_is_silent_and_nothing_is_a_gap() -> None:
    for program in PROGRAMS:
        assert gaps(watch(program).last) == []
        assert _recomputed(watch(program).last)
