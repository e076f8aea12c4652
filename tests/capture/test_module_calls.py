"""Which modules a step called, also those without an op, also while it is repeated."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from graphscope.capture.replay import Replay
from graphscope.model.calls import ModuleParameter, TensorType
from graphscope.model.graph import Graph
from tests.capture.capturing import capture


def calls_of(graph: Graph) -> list[str]:
    """Return one line for each call, indented below the one that it was made in."""
    depths: list[int] = []
    for call in graph.calls:
        depths.append(0 if call.parent is None else depths[call.parent] + 1)
    return [
        f"{'  ' * depth}{call.class_name} {call.path or '-'} "
        f"{'/'.join(str([*t.shape]) for t in call.outputs) or 'nothing'}"
        for depth, call in zip(depths, graph.calls, strict=True)
    ]


class Twice(nn.Module):
    """Calls one layer twice, and modules that have no op."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Identity()
        self.lin = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.5).eval()

    def forward(self, x: torch.Tensor) -> Any:
        """Run them."""
        return self.same(self.drop(self.lin(self.lin(self.same(x)))))


def test_a_module_that_runs_twice_has_two_calls_and_one_without_an_op_has_its_own() -> (
    None
):
    (trace,) = capture(lambda: Twice()(torch.zeros(2, 4)).sum())
    assert calls_of(trace.graph) == [
        "Twice - [2, 4]",
        "  Identity same [2, 4]",
        "  Linear lin [2, 4]",
        "  Linear lin [2, 4]",
        "  Dropout drop [2, 4]",
        "  Identity same [2, 4]",
    ]
    assert trace.graph.calls[0].inputs == (TensorType((2, 4)),)
    assert trace.graph.parameters == (
        ModuleParameter("lin.weight", (4, 4)),
        ModuleParameter("lin.bias", (4,)),
    )
    assert [call.parameters for call in trace.graph.calls] == [
        *((), (), (0, 1), (0, 1), (), ())
    ]


def test_a_model_without_any_op_is_listed_by_the_next_op() -> None:
    def run() -> None:
        model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Identity()))
        (model(torch.ones(3)) * 2).sum()

    (trace,) = capture(run)
    assert calls_of(trace.graph) == [
        "Sequential model [3]",
        "  Identity model.0 [3]",
        "  Sequential model.1 [3]",
        "    Identity model.1.0 [3]",
    ]


class Pair(nn.Module):
    """Returns a tuple and a dict of tensors."""

    def forward(self, x: torch.Tensor) -> Any:
        """Split."""
        return x[:, :1], {"rest": x[:, 1:].long()}


class Nothing(nn.Module):
    """Returns no tensor."""

    def forward(self, x: torch.Tensor) -> None:
        """Compute and drop it."""
        x.sum()


def test_several_results_are_listed_and_none_is_none() -> None:
    def run() -> None:
        x = torch.zeros(2, 3)
        Pair()(x)
        Nothing()(x)

    (trace,) = capture(run)
    assert [call.outputs for call in trace.graph.calls] == [
        (TensorType((2, 1)), TensorType((2, 2), "int64")),
        (),
    ]


def test_a_module_that_raises_has_returned_nothing() -> None:
    def run() -> None:
        with pytest.raises(RuntimeError):
            nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 3))(torch.ones(1, 2))
        torch.ones(1) * 2

    (trace,) = capture(run)
    assert calls_of(trace.graph) == [
        "Sequential - nothing",
        "  Linear 0 [1, 3]",
        "  Linear 1 nothing",
    ]


class Owner(nn.Module):
    """Owns in every way: itself, in lists, through a layer it does not call."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.lists = nn.ParameterList([nn.Parameter(torch.ones(3))])
        self.table = nn.Linear(2, 2, bias=False)
        self.unused = nn.Linear(9, 9)
        self.frozen = nn.Linear(2, 2).requires_grad_(requires_grad=False)
        self.tied = nn.Linear(2, 2, bias=False)
        self.tied.weight = self.table.weight

    def forward(self, x: torch.Tensor) -> Any:
        """Call two of the layers, read one."""
        h = nn.functional.linear(self.frozen(x) * self.scale, self.table.weight)
        return self.tied(h)


def test_a_parameter_belongs_to_the_module_that_was_called_and_has_one_record() -> None:
    (trace,) = capture(lambda: Owner()(torch.zeros(1, 2)))
    graph = trace.graph
    owned = {
        call.path: [graph.parameters[place].name for place in call.parameters]
        for call in graph.calls
    }
    # `tied.weight` is `table.weight`, which ended its own call first, as `tied`
    assert owned == {
        "": ["scale", "lists.0", "tied.weight"],
        "frozen": ["frozen.weight", "frozen.bias"],
        "tied": ["tied.weight"],
    }
    wants = {p.name: p.requires_grad for p in graph.parameters}
    assert wants == {
        "scale": True,
        "lists.0": True,
        "tied.weight": True,
        "frozen.weight": False,
        "frozen.bias": False,
    }


def test_buffers_are_no_parameters() -> None:
    (trace,) = capture(lambda: nn.BatchNorm1d(3)(torch.zeros(4, 3)))
    names = [parameter.name for parameter in trace.graph.parameters]
    assert names == ["weight", "bias"]


def test_a_module_that_torch_runs_in_one_piece_owns_all_that_is_inside() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()

    def run() -> None:
        with torch.no_grad():
            layer(torch.zeros(1, 3, 4)) + 1

    (trace,) = capture(run)
    assert calls_of(trace.graph) == ["TransformerEncoderLayer - [1, 3, 4]"]
    count = sum(torch.Size(p.shape).numel() for p in trace.graph.parameters)
    assert count == sum(p.numel() for p in layer.parameters())


def test_what_a_checkpoint_calls_again_in_backward_is_no_call() -> None:
    from torch.utils.checkpoint import checkpoint

    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

    def run() -> None:
        x = torch.ones(1, 2, requires_grad=True)
        checkpoint(model, x, use_reentrant=False).sum().backward()

    (trace,) = capture(run)
    assert calls_of(trace.graph) == [
        "Sequential - [1, 2]",
        "  Linear 0 [1, 2]",
        "  Tanh 1 [1, 2]",
    ]


def train(model: nn.Module, batches: list[int], *, evaluates: bool = False) -> None:
    """Train over batches of these sizes."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for size in batches:
        loss = model(torch.ones(size, 4)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if evaluates and size == 1:
            with torch.no_grad():
                model(torch.ones(7, 4))


class Moody(nn.Module):
    """Takes another way in some steps, at the place that `turn` says."""

    def __init__(self, turn: int, inner: nn.Module) -> None:
        super().__init__()
        self.turn, self.count = turn, 0
        self.layers = nn.ModuleList(
            [nn.Identity(), nn.Linear(4, 4), inner, nn.Identity(), nn.Linear(4, 4)]
        )
        self.detour = nn.Sequential(nn.Identity(), nn.Tanh(), nn.Identity())

    def forward(self, x: torch.Tensor) -> Any:
        """Run the layers, in every third step with something in between."""
        self.count += 1
        for place, layer in enumerate(self.layers):
            if place == self.turn and self.count % 3 == 0:
                x = self.detour(x)
            x = layer(x)
        return x


def _inner() -> nn.Module:
    return nn.Sequential(nn.Identity(), nn.ReLU(), nn.Dropout(0.5).eval())


LOOPS: dict[str, Callable[[], None]] = {
    "steady": lambda: train(Twice(), [3, 3, 3, 3]),
    "the last batch is smaller": lambda: train(Twice(), [3, 3, 3, 1]),
    "batches change": lambda: train(Twice(), [3, 1, 3, 3, 1, 3, 3]),
    "it is evaluated": lambda: train(Twice(), [3, 1, 3, 3, 1, 3], evaluates=True),
    **{
        f"another way before layer {turn}": lambda turn=turn: train(  # type: ignore[misc]
            Moody(turn, _inner()), [3] * 8
        )
        for turn in range(5)
    },
    "another way inside of a layer": lambda: train(
        nn.Sequential(nn.Identity(), Moody(2, Moody(1, _inner())), nn.Identity()),
        [2] * 8,
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_repeated_step_has_the_calls_that_recording_anew_would_give(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Replay.start
    found = []
    for begin in (start, lambda _self, _script: None):
        monkeypatch.setattr(Replay, "start", begin)
        found.append(capture(LOOPS[name]))
    for fast, slow in zip(*found, strict=True):
        assert calls_of(fast.graph) == calls_of(slow.graph)
        assert fast.graph.calls == slow.graph.calls
        assert fast.graph.parameters == slow.graph.parameters
        assert slow.graph.calls


def test_a_second_model_puts_all_of_the_first_below_its_name() -> None:
    encoder, head = nn.Sequential(nn.Linear(2, 3), nn.Identity()), nn.Linear(3, 1)
    optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)

    def run() -> None:
        for _ in range(3):
            loss = head(encoder(torch.ones(1, 2))).pow(2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    traces = capture(run)
    for trace in traces:
        graph = trace.graph
        assert calls_of(graph) == [
            "Sequential encoder [1, 3]",
            "  Linear encoder.0 [1, 3]",
            "  Identity encoder.1 [1, 3]",
            "Linear head [1, 1]",
        ]
        linear = next(op for op in graph.ops if op.name == "linear")
        assert linear.scope == "encoder.0"
        assert [argument.text for argument in linear.arguments[1:]] == [
            "encoder.0.weight",
            "encoder.0.bias",
        ]
        assert {p.name for p in graph.parameters} == {
            *("encoder.0.weight", "encoder.0.bias", "head.weight", "head.bias")
        }
        assert [scope.path for scope in graph.scopes] == [
            *("encoder", "encoder.0", "encoder.1", "head")
        ]
