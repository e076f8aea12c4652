"""Which line made a tensor require a gradient, or stop to; the mode of modules."""

import copy
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import nn

from graphscope.model.graph import Graph, Value
from tests.capture.capturing import capture


def setters(values: tuple[Value, ...]) -> list[tuple[str | None, bool, int]]:
    """Return name, whether it requires a gradient, and the line, below `def run`."""
    first = min(v.site.line for v in values if v.site is not None)
    return [
        (v.name, v.requires_grad, v.set_by.line - first)
        for v in values
        if v.set_by is not None
    ]


def owned(graph: Graph) -> dict[str, tuple[bool, str]]:
    """Return of each parameter whether it is trained, and the text of the setter."""
    return {
        p.name: (p.requires_grad, "" if p.set_by is None else p.set_by.expression)
        for p in graph.parameters
    }


def test_the_line_that_set_requires_grad_is_recorded_in_every_spelling() -> None:
    def run() -> None:
        a = torch.ones(2)
        a.requires_grad = True
        b = torch.ones(2).requires_grad_()
        c = torch.ones(2)
        c.requires_grad_(True)
        (a * b * c).sum().backward()

    (trace,) = capture(run)
    assert setters(trace.graph.values) == [
        ("a", True, 1),
        ("b", True, 2),
        ("c", True, 4),
    ]


def test_frozen_parameters_know_the_users_line_also_through_the_module() -> None:
    def run() -> None:
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1))
        model[0].requires_grad_(False)
        for p in model[1].parameters():
            p.requires_grad = False
        model(torch.ones(1, 2)).sum().backward()

    (trace,) = capture(run)
    by_module = (False, "model[0].requires_grad_(False)")
    assert owned(trace.graph) == {
        "0.weight": by_module,
        "0.bias": by_module,
        "1.weight": (False, "p.requires_grad = False"),
        "1.bias": (False, "p.requires_grad = False"),
        "2.weight": (True, ""),
        "2.bias": (True, ""),
    }


def test_the_line_that_changed_it_stays_to_blame_when_it_is_set_again() -> None:
    def run() -> None:
        w = torch.ones(2)
        w.requires_grad = True
        w.requires_grad = True
        (w * 2).sum().backward()

    (trace,) = capture(run)
    assert setters(trace.graph.values) == [("w", True, 1)]


def test_what_was_computed_before_a_tensor_was_set_keeps_a_value_of_its_own() -> None:
    def run() -> None:
        w = torch.ones(2)
        w * 2
        w.requires_grad = True
        (w * 3).sum().backward()
        w.requires_grad_(False)
        w * 4

    (trace,) = capture(run)
    found = [(v.name, v.requires_grad) for v in trace.graph.values if v.name == "w"]
    assert found == [("w", False), ("w", True), ("w", False)]
    values = trace.graph.values
    reads = [
        values[op.inputs[0]].requires_grad for op in trace.graph.ops if op.name == "mul"
    ]
    assert reads == [False, True, False]


def train(model: nn.Module, steps: int, **before: Any) -> None:
    """Train; what `before` has for a step is called before it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        before.get(f"step_{step}", lambda: None)()
        optimizer.zero_grad()
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()


def test_a_parameter_that_is_frozen_on_the_way_is_so_from_that_step_on() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    freeze = lambda: model[0].requires_grad_(False)  # noqa: E731
    traces = capture(lambda: train(model, 5, step_2=freeze))
    found = [owned(trace.graph)["0.weight"] for trace in traces]
    frozen = (False, "model[0].requires_grad_(False)")
    assert found == [(True, ""), (True, ""), frozen, frozen, frozen]
    assert traces[4].graph is traces[3].graph


def test_a_module_of_which_one_is_never_read_is_frozen_in_the_record_too() -> None:
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(2, 1), nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> Any:
            return self.used(x)

    model = Partly()
    freeze = lambda: model.unused.requires_grad_(False)  # noqa: E731
    traces = capture(lambda: train(model, 4, step_2=freeze))
    found = [owned(trace.graph)["unused"][0] for trace in traces]
    assert found == [True, True, False, False]


def test_a_tensor_made_anew_in_each_step_repeats_the_step() -> None:
    def run() -> None:
        w = torch.ones(2, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for _ in range(4):
            x = torch.ones(2).requires_grad_()
            (w * x).sum().backward()
            optimizer.step()

    traces = capture(run)
    assert traces[3].graph is traces[2].graph
    (x,) = (value for value in traces[3].graph.values if value.name == "x")
    assert x.set_by is not None
    assert x.set_by.expression == "torch.ones(2).requires_grad_()"


def test_each_call_of_a_module_says_in_which_mode_it_was() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Identity())

    def run() -> None:
        for step in range(8):
            model.train(step in {0, 1, 2, 5, 6})
            train(model, 1)

    traces = capture(run)
    found = [[call.training for call in trace.graph.calls] for trace in traces]
    assert found == [[step in {0, 1, 2, 5, 6}] * 3 for step in range(8)]


def test_a_module_whose_parameters_were_set_can_be_copied_saved_and_moved(
    tmp_path: Path,
) -> None:
    model = nn.Linear(2, 1)

    def run() -> None:
        model.weight.requires_grad = False
        model(torch.ones(1, 2)).sum().backward()
        copied = copy.deepcopy(model)
        assert not copied.weight.requires_grad
        assert copied.weight.equal(model.weight)
        torch.save(model.state_dict(), tmp_path / "model.pt")
        model.to(torch.float64)

    (trace,) = capture(run)
    assert owned(trace.graph)["weight"] == (False, "model.weight.requires_grad = False")


def test_nothing_of_a_tensor_that_was_set_is_kept_alive() -> None:
    alive: list[weakref.ref[torch.Tensor]] = []

    def run() -> None:
        for _ in range(3):
            x = torch.ones(2).requires_grad_()
            alive.append(weakref.ref(x))
            (x * 2).sum().backward()

    capture(run)
    assert [reference() for reference in alive] == [None] * 3


def test_what_is_set_while_watched_is_bit_for_bit_what_it_is_without_us() -> None:
    def run() -> list[bytes]:
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        for step in range(4):
            model[0].requires_grad_(step % 2 == 0)
            model.train(step != 1)
            optimizer.zero_grad(set_to_none=False)
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
        return [p.detach().numpy().tobytes() for p in model.parameters()]

    bare, watched = run(), list[list[bytes]]()
    capture(lambda: watched.append(run()))
    assert watched == [bare]


def test_parameters_that_were_cast_have_the_numbers_and_the_dtype_of_after() -> None:
    model = nn.Linear(3, 1, bias=False)

    def run() -> None:
        model.to(torch.bfloat16)
        model(torch.ones(1, 3, dtype=torch.bfloat16)).sum().backward()

    (trace,) = capture(run)
    (linear,) = (op for op in trace.graph.ops if op.name == "linear")
    weight = trace.graph.values[linear.inputs[1]]
    seen = trace.value_of(weight.id)
    assert (weight.name, weight.dtype) == ("weight", "bfloat16")
    assert seen is not None
    assert seen.data is not None
    assert seen.data.tolist() == model.weight.tolist()
