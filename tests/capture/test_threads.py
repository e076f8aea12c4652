"""Further threads that train: each is recorded for itself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

import graphscope as gs
from graphscope.capture.gate import StopTraining
from graphscope.capture.recorder import running_recorder
from graphscope.capture.threads import ThreadWatch
from tests.capture.thread_recordings import Seen, watched
from tests.capture.threading_programs import (
    STEPS,
    WARNINGS,
    a_compiled_function_in_a_thread,
    a_function_of_its_own_in_a_thread,
    backward_of_another_threads_graph,
    data_in_a_thread,
    exceptions_in_threads,
    fused_inference_in_a_thread,
    in_threads,
    make_model,
    one_model_in_two_threads,
    replicas_in_threads,
    train_leaf,
    train_model,
    two_that_train,
)
from tests.zoo.asking import gaps, op_names, ops_of_scope, seen_as

pytestmark = WARNINGS


def test_each_thread_that_trains_has_all_of_its_steps() -> None:
    with watched() as seen:
        two_that_train()
    leaf, model = seen.named("trainer 0"), seen.named("trainer 1")
    assert [op_names(trace) for trace in leaf] == [["mul", "sum"]] * STEPS
    layers = ["linear", "tanh", "linear", "pow", "mean"]
    assert [op_names(trace) for trace in model] == [layers] * STEPS
    assert [gaps(trace) for trace in [*leaf, *model]] == [[]] * 2 * STEPS
    assert seen.main == []


def test_what_a_loop_prepares_is_part_of_its_step_though_recording_began_after_it() -> (
    None
):
    with watched() as seen:
        in_threads(lambda: train_model(make_model(1)))
    begins = [
        [event.kind.value for event in trace.graph.events][:3]
        for trace in seen.named("trainer 0")
    ]
    # the first batch was made before the first call that trains
    assert begins == [["op", "op", "op"], ["op", "zero", "op"], ["op", "zero", "op"]]


def test_names_lines_and_modules_are_those_of_the_thread() -> None:
    with watched() as seen:
        two_that_train()
    (leaf, *_), (model, *_) = seen.named("trainer 0"), seen.named("trainer 1")
    assert set(leaf.graph.names) == {"w", "x", "loss"}
    parameters = {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert set(model.graph.names) == parameters | {"xb", "out", "loss"}
    assert ops_of_scope(model, "0") == ["linear"]
    assert ops_of_scope(model, "2") == ["linear"]
    sites = [op.site for trace in (leaf, model) for op in trace.graph.ops]
    assert all(site is not None for site in sites)
    files = {site.short.partition(":")[0] for site in sites if site}
    assert files == {"threading_programs.py"}
    stacks = {tuple(f.function for f in site.stack) for site in sites if site}
    # nothing of Python's `threading`
    assert stacks == {("two_that_train.<locals>.<lambda>", "in_threads.<locals>.run")}


class _Meeting(nn.Module):
    """Lets another thread's module run while it runs."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self._barrier = barrier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._barrier.wait(60)
        result = x * 2
        self._barrier.wait(60)
        return result


class _First(nn.Module):
    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self.one = nn.Linear(2, 2)
        self.meeting = _Meeting(barrier)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.meeting(self.one(x))
        return result


class _Second(nn.Module):
    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self.other = nn.Linear(2, 2)
        self.deep = nn.Sequential(_Meeting(barrier))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.deep(self.other(x))
        return result


@pytest.mark.parametrize(
    ("name", "scopes"),
    [
        ("trainer 0", ["one", "meeting", ""]),
        ("trainer 1", ["other", "deep.0", ""]),
    ],
)
def test_modules_and_optimizers_of_threads_at_once_are_told_apart(
    name: str, scopes: list[str]
) -> None:
    barrier = threading.Barrier(2)

    def meet(*_: Any) -> None:
        barrier.wait(60)

    def train(model: nn.Module) -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer.register_step_pre_hook(meet)
        optimizer.register_step_post_hook(meet)
        for _ in range(STEPS):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()

    with watched() as seen:
        in_threads(lambda: train(_First(barrier)), lambda: train(_Second(barrier)))
    traces = seen.named(name)
    ops = [[op for op in t.graph.ops if op.name != "ones"] for t in traces]
    assert [[op.scope for op in found] for found in ops] == [scopes] * STEPS
    kinds = [[event.kind.value for event in t.graph.events] for t in traces]
    assert [found.count("update") for found in kinds] == [1] * STEPS
    assert [gaps(trace) for trace in traces] == [[]] * STEPS


def test_threads_that_do_not_train_make_no_recording() -> None:
    with watched() as seen:
        data_in_a_thread()
        fused_inference_in_a_thread()
        in_threads(lambda: make_model(1), lambda: sum(range(1000)))
    assert seen.all == []


def test_a_thread_that_only_saves_or_averages_parameters_does_not_train() -> None:
    model, average = make_model(1), make_model(1)

    def save() -> Any:
        return {name: t.clone() for name, t in model.state_dict().items()}

    def follow() -> None:
        with torch.no_grad():
            for mine, other in zip(
                average.parameters(), model.parameters(), strict=True
            ):
                mine.mul_(0.9).add_(other, alpha=0.1)

    with watched() as seen:
        in_threads(save, follow)
    assert seen.all == []


def test_a_pools_worker_has_one_recording_for_all_that_it_does() -> None:
    with watched() as seen, ThreadPoolExecutor(1, "worker") as pool:
        for seed in range(3):
            pool.submit(train_leaf, seed).result()
    assert [one.name for one in seen.all] == ["worker_0"]
    assert len(seen.all[0].traces) == 3 * STEPS


def test_a_thread_takes_the_name_that_it_has_when_it_begins_to_train() -> None:
    def run() -> None:
        threading.current_thread().name = "renamed"
        train_leaf(1)

    with watched() as seen:
        in_threads(run)
    assert [one.name for one in seen.all] == ["renamed"]


def test_exceptions_end_the_recordings_of_their_threads() -> None:
    with watched() as seen:
        exceptions_in_threads()
    *ends, pool = [(one.name, type(one.error).__name__) for one in seen.all]
    assert ends == [
        ("fail", "_TrainingError"),
        ("fail_in_torch", "RuntimeError"),
        ("leave", "SystemExit"),
    ]
    assert pool[1] == "NoneType"  # it keeps the exception for who asks for the result


def test_a_thread_that_is_stopped_ends_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run() -> None:
        train_leaf(1)
        raise StopTraining(note="stopped: loss > 10")

    with watched() as seen:
        in_threads(run)
    assert type(seen.all[0].error).__name__ == "StopTraining"
    assert capsys.readouterr() == ("", "")


def test_parameters_that_threads_share_are_told_of_by_the_thread_that_trains() -> None:
    barrier = threading.Barrier(2)
    w = torch.ones(2, requires_grad=True)

    def first() -> None:
        (w * 1).sum().backward()
        barrier.wait(60)
        barrier.wait(60)
        (w * 3).sum().backward()

    def second() -> None:
        barrier.wait(60)
        (w * 5).sum().backward()
        barrier.wait(60)

    with watched() as seen:
        in_threads(first, second)
    mine, other = seen.named("trainer 0"), seen.named("trainer 1")
    assert [seen_as(trace, "arrived", "w") for trace in mine] == [[[1, 1], [3, 3]]]
    assert [seen_as(trace, "arrived", "w") for trace in other] == [[[5, 5]]]
    assert w.grad is not None
    assert w.grad.tolist() == [9, 9]


def test_one_model_may_be_trained_by_one_thread_after_the_other() -> None:
    with watched() as seen:
        one_model_in_two_threads()
    assert [len(one.traces) for one in seen.all] == [STEPS, STEPS]


def test_replicas_are_recorded_forward_and_their_gradients_by_who_asks_for_them() -> (
    None
):
    with watched() as seen:
        replicas_in_threads()
    assert len(seen.all) == 2 * STEPS
    assert {tuple(op_names(one.traces[0])) for one in seen.all} == {
        ("linear", "tanh", "linear")
    }
    (gap,) = gaps(seen.main[0])
    assert gap == (
        "AddmmBackward0 was made where it could not be seen: before the trace, in "
        "another thread, or in a compiled or scripted function"
    )
    nodes = [node.name for node in seen.main[0].graph.grad_nodes]
    assert nodes.count("CatBackward0") == STEPS
    assert nodes.count("AddmmBackward0") == 4 * STEPS


def test_a_graph_of_another_thread_keeps_its_gradients() -> None:
    with watched() as seen:
        backward_of_another_threads_graph()
    assert seen_as(seen.main[-1], "arrived", "x") == [[3, 3]]


def test_a_compiled_function_may_be_the_first_that_trains() -> None:
    with watched() as seen:
        a_compiled_function_in_a_thread()
    assert op_names(seen.named("trainer 0")[0])[:2] == ["double", "sum"]


def test_a_function_with_a_backward_of_its_own_may_be_the_first_that_trains() -> None:
    with watched() as seen:
        a_function_of_its_own_in_a_thread()
    (trace,) = seen.named("trainer 0")
    # the last one is what its backward computes with
    assert op_names(trace) == ["mul", "Double", "sum", "mul"]
    assert seen_as(trace, "arrived", "w") == [[2, 2]]


def test_a_users_own_trace_inside_of_a_watched_thread_works() -> None:
    found: list[Any] = []

    def run() -> None:
        with gs.trace() as t:
            train_leaf(1)
        found.append(t)
        train_leaf(2)

    with watched() as seen:
        in_threads(run)
    assert found[0].faults == {}
    assert [op_names(step.trace) for step in found[0].steps] == [["mul", "sum"]] * STEPS
    assert len(seen.named("trainer 0")) == 2 * STEPS


def test_a_step_by_hand_is_one_of_the_thread_that_makes_it() -> None:
    def run() -> None:
        with gs.step():
            train_leaf(1)

    with watched() as seen:
        in_threads(run)
        total = torch.ones(2).sum()
    assert total == 2
    assert len(seen.named("trainer 0")) == 1
    assert [op_names(trace) for trace in seen.main] == [["sum"]]


def test_no_more_threads_are_recorded_than_allowed_and_the_others_are_named() -> None:
    with watched(most=2) as seen:
        for _ in range(4):
            in_threads(lambda: train_model(make_model(1)))
        torch.ones(1).sum()
    assert len(seen.all) == 2
    assert gaps(seen.main[0]) == ["the thread 'trainer 0' was not recorded"]


def test_a_thread_whose_code_took_the_scout_away_is_found_by_its_modules() -> None:
    def run() -> None:
        torch._C._pop_torch_function_stack()
        train_model(make_model(1))

    with watched() as seen:
        in_threads(run)
    assert len(seen.named("trainer 0")) == STEPS


def test_a_thread_that_outlives_the_watch_is_recorded_to_its_end() -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen = Seen()

    def run() -> None:
        train_leaf(1)
        begun.set()
        assert go_on.wait(60)
        train_leaf(2)

    watch = ThreadWatch(seen.begin)
    watch.attach()
    thread = threading.Thread(target=run, name="long")
    thread.start()
    assert begun.wait(60)
    names = watch.names
    watch.detach()
    go_on.set()
    thread.join()
    assert (names, watch.names) == (("long",), ())
    assert len(seen.named("long")) == 2 * STEPS


def test_a_recording_may_be_ended_from_another_thread() -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen = Seen()

    def run() -> None:
        train_leaf(1)
        begun.set()
        assert go_on.wait(60)
        train_leaf(2)

    watch = ThreadWatch(seen.begin)
    watch.attach()
    thread = threading.Thread(target=run, name="long")
    thread.start()
    assert begun.wait(60)
    watch.detach()
    watch.end_all()
    go_on.set()
    thread.join()
    assert len(seen.named("long")) == STEPS
    assert running_recorder() is None
