"""Steps and passes are found from what the training loop does."""

import gc
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.capture.recorder import Recorder
from graphscope.capture.records import RawOp, RawValue
from graphscope.model.graph import EventKind, Phase
from graphscope.model.trace import Status, Trace
from tests.capture.capturing import capture, kinds_of, numbers, ops_of

X = torch.tensor([[1.0], [2.0]])
Y = torch.tensor([[2.0], [4.0]])


def _model() -> tuple[torch.nn.Linear, torch.optim.SGD]:
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(1.0)
        model.bias.fill_(0.0)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def _phases(trace: Trace) -> list[int]:
    return [int(event.phase) for event in trace.graph.events]


def test_zero_grad_at_the_head_of_the_loop_opens_the_next_step() -> None:
    model, optimizer = _model()

    def run() -> None:
        for _ in range(3):
            optimizer.zero_grad()
            loss = F.mse_loss(model(X), Y)
            loss.backward()
            optimizer.step()
            loss.item()

    traces = capture(run, model)
    assert [kinds_of(t.graph)[0] for t in traces] == ["zero", "zero", "zero"]
    assert [kinds_of(t.graph)[-1] for t in traces] == ["op", "op", "op"]
    assert [t.status for t in traces] == [Status.COMPLETE] * 3
    assert traces[1].graph is traces[2].graph


def test_zero_grad_at_the_end_of_the_loop_closes_its_step() -> None:
    model, optimizer = _model()

    def run() -> None:
        for _ in range(3):
            loss = F.mse_loss(model(X), Y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    traces = capture(run, model)
    assert [kinds_of(t.graph)[-2:] for t in traces] == [["update", "zero"]] * 3


def test_the_lectures_order_has_the_five_numbered_phases() -> None:
    model, optimizer = _model()

    def run() -> None:
        for _ in range(2):
            y_hat = model(X)
            loss = F.mse_loss(y_hat, Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    second = capture(run, model)[1]
    assert _phases(second) == [1, 2, 3, 4, 4, 4, 4, 4, 5]
    assert Phase(_phases(second)[-1]) is Phase.UPDATE


def test_a_batch_that_is_sliced_before_the_forward_belongs_to_its_own_step() -> None:
    model, optimizer = _model()

    def run() -> None:
        for i in range(2):
            batch = X[i : i + 1]
            loss = (model(batch) - Y[i : i + 1]).pow(2).sum()
            loss.backward()
            optimizer.step()

    traces = capture(run, model)
    assert all(ops_of(t)[0].startswith("batch = getitem(X") for t in traces)


def test_a_step_in_its_own_function_is_found_through_the_caller() -> None:
    model, optimizer = _model()

    def train_step() -> None:
        loss = F.mse_loss(model(X), Y)
        loss.backward()
        optimizer.step()

    def run() -> None:
        for _ in range(3):
            batch = X * 1
            train_step()
            batch.sum().item()

    traces = capture(run, model)
    assert len(traces) == 3
    assert ops_of(traces[1])[0] == "batch = mul(X, 1)"
    assert ops_of(traces[1])[-1] == "- = item(batch.sum())"


def test_updates_by_hand_in_a_loop_over_parameters_are_one_step() -> None:
    w = torch.ones(1, requires_grad=True)
    v = torch.ones(1, requires_grad=True)

    def run() -> None:
        for _ in range(3):
            (w * v).sum().backward()
            with torch.no_grad():
                for p in (w, v):
                    assert p.grad is not None
                    p.sub_(0.1 * p.grad)
                    p.grad.zero_()

    traces = capture(run)
    assert len(traces) == 3
    assert all(kinds_of(t.graph).count("zero") == 2 for t in traces)
    assert _phases(traces[1])[-6:] == [5, 5, 3, 5, 5, 3]


def test_an_update_through_data_moves_the_leaf() -> None:
    w = torch.ones(1, requires_grad=True)
    with gs.trace() as t:
        for _ in range(2):
            (w * 3).sum().backward()
            w.data -= 0.1 * w.grad.data  # type: ignore[union-attr]
            w.grad = None
    assert [numbers(s["w"].value) for s in t.steps] == [[1.0], [0.7]]
    assert [numbers(s["w"].updated) for s in t.steps] == [[0.7], [0.4]]


def test_a_leaf_that_is_replaced_without_gradient_counts_as_updated() -> None:
    with gs.trace() as t:
        w = torch.ones(1, requires_grad=True)
        for _ in range(2):
            (w * 3).sum().backward()
            with torch.no_grad():
                w = w - 0.1 * w.grad  # type: ignore[operator]
            w.requires_grad_()
    assert [numbers(s["w"].value) for s in t.steps] == [[1.0], [0.7]]
    assert [numbers(s["w"].updated) for s in t.steps] == [[0.7], [0.4]]


def test_new_parameters_after_a_finished_step_belong_to_the_next() -> None:
    with gs.trace() as t:
        w = torch.tensor(1.0, requires_grad=True)
        (w * 2).backward()
        with torch.no_grad():
            w -= 0.1 * w.grad  # type: ignore[operator]
        w = torch.tensor(5.0, requires_grad=True)
        (w * 3).backward()
    first, second = t.steps
    assert (numbers(first["w"].value), numbers(first["w"].updated)) == (1.0, 0.8)
    assert (numbers(second["w"].value), numbers(second["w"].grad)) == (5.0, 3.0)
    assert second.trace.status is Status.OPEN


def test_accumulation_over_two_batches_is_one_step_of_two_passes() -> None:
    model, optimizer = _model()

    def run() -> None:
        for _ in range(2):
            optimizer.zero_grad()
            for i in range(2):
                loss = F.mse_loss(model(X[i]), Y[i]) / 2
                loss.backward()
            optimizer.step()

    traces = capture(run, model)
    assert len(traces) == 2
    events = traces[1].graph.events
    assert {e.pass_index for e in events} == {0, 1}
    assert events[0].kind is EventKind.ZERO


def test_a_step_by_hand_overrides_the_search() -> None:
    model, optimizer = _model()
    with gs.trace(model) as t:
        with gs.step():
            for _ in range(2):
                F.mse_loss(model(X), Y).backward()
                optimizer.step()
        with gs.step():
            model(X)
    assert len(t) == 2
    assert kinds_of(t.steps[0].trace.graph).count("update") == 2


def test_what_was_prepared_before_a_step_by_hand_belongs_to_it() -> None:
    with gs.trace() as t:
        w = torch.ones(1, requires_grad=True)
        for _ in range(2):
            with gs.step():
                (w * 2).sum().backward()
    assert [ops_of(s.trace)[0] for s in t.steps] == [
        "w = ones(1, True)",
        "w * 2 = mul(w, 2)",
    ]


def test_two_optimizers_take_turns() -> None:
    g, opt_g = _model()
    d, opt_d = _model()

    def run() -> None:
        for _ in range(2):
            fake = g(X)
            opt_d.zero_grad()
            d(fake.detach()).sum().backward()
            opt_d.step()
            opt_g.zero_grad()
            d(fake).sum().backward()
            opt_g.step()

    traces = capture(run)
    assert [
        [e.label for e in t.graph.events if e.kind is EventKind.UPDATE] for t in traces
    ] == [["SGD"]] * 4
    assert [t.status for t in traces] == [Status.COMPLETE] * 4


def test_a_closure_of_an_optimizer_is_recorded() -> None:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=2)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((w - 3) ** 2).sum()
        loss.backward()
        return loss

    (trace,) = capture(lambda: optimizer.step(closure))
    assert "grad" in kinds_of(trace.graph)
    assert kinds_of(trace.graph)[-1] == "update"


def test_an_exception_closes_the_step_as_aborted() -> None:
    t = gs.trace()

    def run() -> None:
        with t:
            w = torch.ones(2, requires_grad=True)
            y = w * 2
            y.backward()

    with pytest.raises(RuntimeError, match="scalar outputs"):
        run()
    assert t.last.trace.status is Status.ABORTED
    assert ops_of(t.last.trace) == [
        "w = ones(2, True)",
        "y = mul(w, 2)",
        "- = backward(y, False)",
    ]


def test_sixty_steps_do_not_grow_what_is_remembered() -> None:
    w = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01)
    recorder = Recorder(lambda _trace: None)
    recorder.start()
    counts = []
    for step in range(60):
        optimizer.zero_grad()
        loss = (w * 2).sum()
        loss.backward()
        optimizer.step()
        if step in (10, 59):
            gc.collect()
            raw = (RawOp, RawValue)
            counts.append(sum(type(o) in raw for o in gc.get_objects()))
    recorder.stop()
    assert counts[1] <= counts[0] + 2


def test_a_step_of_an_optimizer_that_raised_is_over_when_the_next_begins() -> None:
    w = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def fail() -> float:
        raise ValueError

    def run() -> None:
        with pytest.raises(ValueError, match=r"^$"):
            optimizer.step(fail)
        for _ in range(2):
            optimizer.zero_grad()
            (w * 2).sum().backward()
            optimizer.step()

    assert _phases(capture(run)[-1]) == [3, 2, 2, 4, 4, 4, 5]


def test_setting_a_parameter_by_hand_before_any_backward_ends_no_step() -> None:
    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)

    def run() -> None:
        with torch.no_grad():
            layer.weight.fill_(0.5)
            layer.bias.zero_()
        for _ in range(3):
            loss = layer(torch.ones(2, 1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    steps = capture(run)

    assert len(steps) == 3
    [first] = [v for v in steps[0].graph.values if v.name == "weight" and v.version]
    seen = steps[0].value_of(first.id)
    assert seen is not None
    assert numbers(seen.data) == [[0.5]]


def test_statements_on_one_line_end_one_step() -> None:
    w = torch.tensor(1.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def run() -> None:
        for _ in range(3):
            loss = w * 2
            # fmt: off
            loss.backward(); optimizer.step(); optimizer.zero_grad()  # noqa: E702
            # fmt: on
            with torch.no_grad():
                w * 3

    steps = capture(run)

    assert [_phases(step)[-2:] for step in steps] == [[3, 5]] * 3


def test_of_a_leaf_that_an_older_step_wrote_only_the_newest_version_is_read() -> None:
    net, target = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    actor = torch.nn.Linear(1, 1)
    critic_optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    actor_optimizer = torch.optim.SGD(actor.parameters(), lr=0.1)
    wanted: list[float] = []

    def run() -> None:
        for _ in range(3):
            wanted.append(target.weight.detach().clone().item())
            with torch.no_grad():
                y = target(torch.ones(2, 1))
            loss = (net(torch.ones(2, 1)) - y).pow(2).mean()
            critic_optimizer.zero_grad()
            loss.backward()
            critic_optimizer.step()
            chosen = net(actor(torch.ones(2, 1))).mean()
            actor_optimizer.zero_grad()
            chosen.backward()
            actor_optimizer.step()
            target.weight.data.mul_(0.9)
            target.weight.data.add_(0.1 * net.weight.data)

    steps = capture(run, target)[::2]

    assert [_read(step, "weight") for step in steps] == [[one] for one in wanted]


def _read(step: Trace, name: str) -> list[float]:
    """Return what was read of the parameters of that name."""
    found = [v.id for v in step.graph.values if v.name == name and v.requires_grad]
    seen = (step.value_of(value) for value in found)
    return [one.data.item() for one in seen if one is not None and one.data is not None]
