"""The call that raised the exception which ended a recording is the step's last op."""

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.model.graph import OpKind, Phase
from graphscope.model.trace import Status


def test_the_call_that_raised_is_there_with_what_it_was_given() -> None:
    scores = torch.zeros(2, 3)
    labels = torch.tensor([1, 3])
    tracing = gs.trace()
    with pytest.raises(IndexError, match="Target 3 is out of bounds"), tracing:
        F.cross_entropy(scores, labels)
    trace = tracing.last.trace
    (op,) = trace.graph.ops
    assert (op.name, op.kind, op.outputs) == ("cross_entropy", OpKind.GAP, ())
    assert op.note == "raised IndexError: Target 3 is out of bounds."
    assert op.site is not None
    assert op.site.expression == "F.cross_entropy(scores, labels)"
    given = [trace.graph.values[v].name for v in op.inputs]
    assert given == ["scores", "labels"]
    assert tracing["labels"].value.tolist() == [1, 3]
    assert tracing.faults == {}


def test_it_ends_the_step_in_which_it_was_called() -> None:
    model, x = nn.Linear(2, 3), torch.ones(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train() -> None:
        for step in range(4):
            labels = torch.full((4,), step)
            loss = F.cross_entropy(model(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    tracing = gs.trace(model)
    with pytest.raises(IndexError), tracing:
        train()
    assert len(tracing) == 4
    last = tracing.last.trace
    assert last.status is Status.ABORTED
    assert [op.name for op in last.graph.ops][-2:] == ["linear", "cross_entropy"]
    assert last.graph.ops[-1].kind is OpKind.GAP
    kinds = {op.kind for trace in tracing.steps for op in trace.trace.graph.ops[:-1]}
    assert OpKind.GAP not in kinds


def test_a_call_inside_a_module_has_its_scope() -> None:
    tracing = gs.trace()
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 1))
    with pytest.raises(RuntimeError, match="cannot be multiplied"), tracing:
        model(torch.ones(1, 2))
    op = tracing.last.trace.graph.ops[-1]
    assert (op.name, op.scope, op.kind) == ("linear", "1", OpKind.GAP)


def test_an_exception_that_the_code_handles_leaves_no_op() -> None:
    scores = torch.zeros(2, 3, requires_grad=True)
    with gs.trace() as t:
        for label in (3, 1):
            try:
                loss = F.cross_entropy(scores, torch.tensor([label, 0]))
            except IndexError:
                continue
            loss.backward()
    ops = t.last.trace.graph.ops
    assert [op.name for op in ops if op.kind is not OpKind.CREATE] == ["cross_entropy"]
    assert t.last.trace.status is Status.OPEN


def test_a_later_exception_does_not_bring_a_handled_one_back() -> None:
    tracing = gs.trace()

    def run() -> None:
        try:
            F.cross_entropy(torch.zeros(1, 3), torch.tensor([3]))
        except IndexError as first:
            raise ValueError("another") from first

    with pytest.raises(ValueError, match="another"), tracing:
        run()
    assert [op.name for op in tracing.last.trace.graph.ops] == ["zeros", "tensor"]


def test_nothing_of_a_handled_call_is_kept_alive() -> None:
    def handled() -> Any:
        scores = torch.zeros(2, 3)
        try:
            F.cross_entropy(scores, torch.tensor([3, 3]))
        except IndexError:
            return weakref.ref(scores)

    with gs.trace():
        kept = handled()
        gc.collect()
        assert kept() is None


def test_a_backward_that_could_not_begin_is_the_last_call_with_its_line() -> None:
    w = torch.ones(3, requires_grad=True)
    tracing = gs.trace()

    def train() -> None:
        loss = w * 2
        loss.backward()

    with pytest.raises(RuntimeError, match="scalar outputs"), tracing:
        train()
    trace = tracing.last.trace
    (op,) = (op for op in trace.graph.ops if op.kind is OpKind.GAP)
    assert (op.name, op.id) == ("backward", len(trace.graph.ops) - 1)
    assert op.site is not None
    assert op.site.expression == "loss.backward()"
    assert [trace.graph.values[v].name for v in op.inputs] == ["loss"]
    assert trace.graph.events[-1].phase is Phase.BACKWARD
    assert tracing.faults == {}


def test_of_a_backward_that_began_its_nodes_tell_and_no_call_is_added() -> None:
    w = torch.ones(3, requires_grad=True)
    tracing = gs.trace()

    def train() -> None:
        loss = (w * w).sum()
        loss.backward()
        loss.backward()

    with pytest.raises(RuntimeError, match="a second time"), tracing:
        train()
    kinds = [op.kind for op in tracing.last.trace.graph.ops]
    assert OpKind.GAP not in kinds


def test_the_first_backward_of_a_new_step_is_one_that_could_not_begin() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    tracing = gs.trace()

    def train() -> None:
        (w * w).sum().backward()
        optimizer.step()
        (w * w).backward()

    with pytest.raises(RuntimeError, match="scalar outputs"), tracing:
        train()
    assert len(tracing) == 2
    assert [op.name for op in tracing.last.trace.graph.ops] == ["mul", "backward"]


def test_a_later_exception_at_the_same_address_is_another_one() -> None:
    """An exception that was handled is gone, and its memory is used again."""
    tracing = gs.trace()

    def run() -> None:
        for size in (3, 4, 5):
            x, y = torch.ones(2), torch.ones(size)
            if size == 5:
                x @ y
            with pytest.raises(RuntimeError):
                x @ y

    with pytest.raises(RuntimeError), tracing:
        run()
    graph = tracing.last.trace.graph
    assert [graph.values[v].shape for v in graph.ops[-1].inputs] == [(2,), (5,)]
