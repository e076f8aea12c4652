"""Every way of updating: for-loop, foreach, fused, closures, two players."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from graphscope.model.graph import EventKind
from tests.zoo.asking import events, gaps, names_of, op_names, picture, seen_as
from tests.zoo.watching import Look, Program, three_parts, watch

_KINDS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd_for_loop": partial(torch.optim.SGD, lr=0.1, momentum=0.9, foreach=False),
    "sgd_foreach": partial(torch.optim.SGD, lr=0.1, momentum=0.9, foreach=True),
    "sgd_fused": partial(torch.optim.SGD, lr=0.1, momentum=0.9, fused=True),
    "adam_foreach": partial(torch.optim.Adam, lr=0.1, foreach=True),
    "adam_fused": partial(torch.optim.Adam, lr=0.1, fused=True),
    "adamw_amsgrad": partial(torch.optim.AdamW, lr=0.1, amsgrad=True, foreach=False),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.1),
    "adagrad": partial(torch.optim.Adagrad, lr=0.1),
}


def _training(name: str) -> Program:
    def program(look: Look) -> Any:
        model = nn.Linear(2, 1)
        optimizer = _KINDS[name](model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.ones(1, 2)).pow(2).sum()
            look(loss, loss=loss)
            loss.backward()
            optimizer.step()
        versions = [p._version for p in model.parameters()]
        return [[p.detach().clone() for p in model.parameters()], versions]

    program.__name__ = name
    return program


TRAININGS = [_training(name) for name in _KINDS]


def lbfgs(look: Look) -> Any:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=4)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = ((w - 3) ** 4).sum()
        look(loss)
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return w.detach()


def gan(look: Look) -> Any:
    make, judge = nn.Linear(2, 2), nn.Linear(2, 1)
    opt_make = torch.optim.SGD(make.parameters(), lr=0.1)
    opt_judge = torch.optim.RMSprop(judge.parameters(), lr=0.1)
    for _ in range(2):
        fake = make(torch.randn(4, 2))
        opt_judge.zero_grad()
        judge_loss = judge(fake.detach()).mean() - judge(torch.randn(4, 2)).mean()
        look(judge_loss)
        judge_loss.backward()
        opt_judge.step()
        opt_make.zero_grad()
        make_loss = -judge(fake).mean()
        look(make_loss)
        make_loss.backward()
        opt_make.step()
    return [p.detach().clone() for p in [*make.parameters(), *judge.parameters()]]


def by_hand(look: Look) -> Any:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        loss = (w * w).sum()
        look(loss, loss=loss)
        loss.backward()
        with torch.no_grad():
            assert w.grad is not None
            w -= 0.1 * w.grad
            w.grad.zero_()
    return [w.detach().clone(), w.grad]


def accumulation_over_micro_batches(look: Look) -> Any:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in range(4):
        loss = model(torch.full((1, 2), float(batch))).sum() / 2
        look(loss)
        loss.backward()
        if batch % 2:
            optimizer.step()
            optimizer.zero_grad()
    return [p.detach().clone() for p in model.parameters()]


def scheduled_and_averaged(look: Look) -> Any:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    average = torch.optim.swa_utils.AveragedModel(model)
    for _ in range(2):
        optimizer.zero_grad()
        loss = model(torch.ones(1, 2)).sum()
        look(loss)
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
    return [p.detach().clone() for p in average.parameters()]


def update_inside_backward(look: Look) -> Any:
    """The optimizer runs in a hook, as each gradient is ready."""
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def update(_: torch.Tensor) -> None:
        optimizer.step()
        optimizer.zero_grad()

    w.register_post_accumulate_grad_hook(update)
    for _ in range(2):
        loss = (w * w).sum()
        look(loss)
        loss.backward()
    return [w.detach().clone(), w.grad is None]


OTHERS: list[Program] = [
    lbfgs,
    gan,
    by_hand,
    accumulation_over_micro_batches,
    scheduled_and_averaged,
    update_inside_backward,
]
test_it_is_harmless, *_ = three_parts(TRAININGS + OTHERS)
_, test_it_is_complete, _, test_it_can_be_drawn = three_parts([TRAININGS[0], *OTHERS])
_, _, test_it_is_true, _ = three_parts([*TRAININGS, by_hand])


@pytest.mark.parametrize("program", TRAININGS, ids=lambda p: p.__name__)
def test_an_optimizers_step_is_one_event_with_every_parameter(program: Program) -> None:
    traces = watch(program).traces
    assert len(traces) == 3
    for trace in traces:
        (update,) = [e for e in trace.graph.events if e.kind is EventKind.UPDATE]
        assert names_of(trace.graph, update.values) == ["weight", "bias"]
        assert op_names(trace)[:3] == ["linear", "pow", "sum"]
        assert gaps(trace) == []
        assert update.label in picture(trace)


def test_all_variants_of_one_optimizer_record_the_same_numbers() -> None:
    found = [watch(program).traces for program in TRAININGS[:3]]
    updated = [[seen_as(t, "updated", "weight") for t in traces] for traces in found]
    assert updated[0] == updated[1] == updated[2]


def test_the_passes_of_a_closure_belong_to_one_step() -> None:
    traces = watch(lbfgs).traces
    assert len(traces) == 2
    first = traces[0]
    passes = {event.pass_index for event in first.graph.events}
    assert len(passes) == 4
    assert events(first).count("update") == 1
    assert names_of(first.graph, first.graph.roots) == ["loss"] * 4


def test_the_value_that_each_pass_of_a_closure_used_is_a_version_of_its_own() -> None:
    trace = watch(lbfgs).traces[0]
    versions = [v.version for v in trace.graph.values if v.name == "w"]
    assert versions[:4] == [0, 1, 2, 3]


def test_two_players_get_a_step_for_each_update() -> None:
    traces = watch(gan).traces
    updates = [
        e.label for t in traces for e in t.graph.events if e.kind is EventKind.UPDATE
    ]
    assert updates == ["RMSprop", "SGD"] * 2
    assert len(traces) == 4
    second = traces[1]
    assert names_of(second.graph, second.graph.roots) == ["make_loss"]
    # the generator's part was computed in the step before: carried, not lost
    assert [v.name for v in second.graph.values if v.kind.value == "carried"] == [
        "fake"
    ]
    assert second.graph.ops[0].name == "linear"


def test_accumulation_is_several_passes_of_one_step() -> None:
    traces = watch(accumulation_over_micro_batches).traces
    assert len(traces) == 2
    assert [{e.pass_index for e in t.graph.events} for t in traces] == [{0, 1}] * 2
    # batches 0 and 1, halved: 0, then 0.5 more
    assert seen_as(traces[0], "after", "weight")[:2] == [[[0, 0]], [[0.5, 0.5]]]


def test_the_learning_rate_of_each_step_is_recorded() -> None:
    traces = watch(scheduled_and_averaged).traces
    rates = [
        seen.data.item()
        for t in traces
        for slot, seen in zip(t.graph.slots, t.observations, strict=True)
        if slot.label == "lr" and seen is not None and seen.data is not None
    ]
    assert rates == [0.4, 0.2]


def test_an_update_inside_of_backward_is_an_update_after_its_gradient() -> None:
    traces = watch(update_inside_backward).traces
    kinds = [events(t) for t in traces]
    assert [k.count("update") for k in kinds] == [1, 1]
    assert all(k.index("accumulate") < k.index("update") for k in kinds)
    assert seen_as(traces[0], "updated", "w") == [[0.8, 1.6]]
