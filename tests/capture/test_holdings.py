"""What the optimizer of each update holds, also what it did not change."""

import gc
import weakref
from typing import Any

import torch
from torch import nn

from graphscope.model.graph import Graph
from graphscope.model.optimizers import HeldParameter
from tests.capture.capturing import capture


def held(graph: Graph) -> list[tuple[str, list[str]]]:
    """Return of each run its class and what it holds, as text."""
    return [
        (run.class_name, [_text(one) for one in run.parameters])
        for run in graph.optimizers
    ]


def _text(one: HeldParameter) -> str:
    frozen = "" if one.requires_grad else " frozen"
    times = f" x{one.times}" if one.times > 1 else ""
    place = "" if one.value is None else f" v{one.value}"
    return f"{one.name or '?'}{list(one.shape)}{place}{frozen}{times}"


class Net(nn.Module):
    """Three layers: one frozen, one never called."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(2, 1, bias=False)
        self.frozen = nn.Linear(2, 2, bias=False)
        self.unused = nn.Linear(3, 1, bias=False)
        self.frozen.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> Any:
        """Run two of the layers."""
        return self.used(self.frozen(x))


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Train once."""
    optimizer.zero_grad()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()


def test_an_optimizer_holds_also_what_is_frozen_or_never_used() -> None:
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    def run() -> None:
        for _ in range(3):
            step(model, optimizer)

    traces = capture(run)
    graph = traces[2].graph
    assert graph is traces[1].graph
    used, frozen, unused = (
        graph.names[f"{name}.weight"][0] for name in ("used", "frozen", "unused")
    )
    assert held(graph) == [
        (
            "Adam",
            [
                f"used.weight[1, 2] v{used}",
                f"frozen.weight[2, 2] v{frozen} frozen",
                f"unused.weight[1, 3] v{unused}",  # which zero_grad has looked at
            ],
        )
    ]
    (update,) = (e for e in graph.events if e.kind == "update")
    assert (graph.optimizers[0].event, update.values) == (update.index, (used,))


def test_what_is_registered_twice_is_held_twice() -> None:
    def run() -> None:
        w = torch.ones(2, requires_grad=True)
        b = torch.ones(1, requires_grad=True)
        optimizer = torch.optim.SGD([{"params": [w]}, {"params": [b]}], lr=0.1)
        optimizer.param_groups[1]["params"].append(w)
        (w * b).sum().backward()
        optimizer.step()

    (trace,) = capture(run)
    w, b = (trace.graph.names[name][0] for name in "wb")
    assert held(trace.graph) == [("SGD", [f"w[2] v{w} x2", f"b[1] v{b}"])]


def test_a_parameter_that_joins_or_is_frozen_later_is_held_from_then_on() -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.used.parameters(), lr=0.1)

    def run() -> None:
        step(model, optimizer)
        step(model, optimizer)
        optimizer.add_param_group({"params": [*model.unused.parameters()]})
        step(model, optimizer)
        model.unused.requires_grad_(False)
        step(model, optimizer)

    names = [
        [text.split("[")[0] + text.partition(" frozen")[1] for text in parameters]
        for trace in capture(run)
        for _, parameters in held(trace.graph)
    ]
    assert names == [
        *(["used.weight"], ["used.weight"], ["used.weight", "unused.weight"]),
        ["used.weight", "unused.weight frozen"],
    ]


def test_two_optimizers_of_one_class_are_told_apart() -> None:
    model = Net()
    first = torch.optim.SGD(model.used.parameters(), lr=0.1)
    second = torch.optim.SGD(model.parameters(), lr=0.1)

    def run() -> None:
        for optimizer in (first, first, second, first):
            step(model, optimizer)

    counts = [len(t.graph.optimizers[0].parameters) for t in capture(run)]
    assert counts == [1, 1, 3, 1]


def test_what_was_replaced_after_the_optimizer_was_made_is_held_without_a_name() -> (
    None
):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.used = nn.Linear(2, 1, bias=False)
    (trace,) = capture(lambda: step(model, optimizer))
    assert [text.split("[")[0] for text in held(trace.graph)[0][1]] == [
        *("?", "frozen.weight", "unused.weight")
    ]


def test_a_closure_that_the_optimizer_calls_changes_nothing_of_what_it_holds() -> None:
    w = torch.ones(2, requires_grad=True)

    def run() -> None:
        optimizer = torch.optim.LBFGS([w], lr=0.1, max_iter=2)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            return loss

        optimizer.step(closure)

    traces = capture(run)
    found = [run for trace in traces for run in held(trace.graph)]
    assert [(name, [t.split(" ")[0] for t in texts]) for name, texts in found] == [
        ("LBFGS", ["w[2]"])
    ]


class Model(nn.Linear):
    """Makes its own optimizer, as Lightning modules do."""

    def configure(self) -> torch.optim.Optimizer:
        """Make it."""
        return torch.optim.Adam(self.parameters(), lr=0.1)


def test_the_line_that_made_the_optimizer_is_recorded_wherever_it_is() -> None:
    def run() -> None:
        first = Model(2, 1)
        step(first, first.configure())
        second = Model(2, 1)
        optimizer = torch.optim.SGD([{"params": [second.weight]}], lr=0.1)
        optimizer.add_param_group({"params": [second.bias]})
        step(second, optimizer)

    made = [run.made_by for t in capture(run) for run in t.graph.optimizers]
    assert [site.expression if site else None for site in made] == [
        "torch.optim.Adam(self.parameters(), lr=0.1)",
        'torch.optim.SGD([{"params": [second.weight]}], lr=0.1)',
    ]


def test_an_optimizer_made_before_the_trace_has_no_line() -> None:
    model = Model(2, 1)
    optimizer = model.configure()
    (trace,) = capture(lambda: step(model, optimizer))
    assert [run.made_by for run in trace.graph.optimizers] == [None]


def test_watching_keeps_no_optimizer_alive() -> None:
    alive: list[weakref.ref[torch.optim.Optimizer]] = []

    def run() -> None:
        for _ in range(3):
            model = Model(2, 1)
            optimizer = model.configure()
            alive.append(weakref.ref(optimizer))
            step(model, optimizer)
            del optimizer
        gc.collect()
        assert [reference() for reference in alive] == [None] * 3

    capture(run)
