"""What is told of kept graphs, in parts: the line that stores, the remedy, bytes."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from graphscope.analysis.why.retained.remedies import cut_in_statement
from graphscope.analysis.why.retained.sizes import keeps_graph, measure
from graphscope.analysis.why.retained.storing import find_storing
from graphscope.model.graph import Graph
from graphscope.model.kept import Hold, Holder, KeptGraph
from graphscope.model.site import Site
from graphscope.model.trace import Trace
from tests.capture.capturing import capture


def kept_loss(line: int = 2) -> KeptGraph:
    site = Site("/t.py", line, line, 0, 4, "<module>", "f(x)")
    return KeptGraph("loss", site, 3, (0, 1, 2), (4, 4, 4), 2, Hold.TENSORS)


@pytest.mark.parametrize(
    ("source", "holder", "expected"),
    [
        ("losses.append(loss)", Holder("losses", "list"), "losses.append(loss)"),
        ("losses += [loss]", Holder("losses", "list"), "losses += [loss]"),
        ("self.log[i] = loss", Holder("t.log", "dict"), "self.log[i] = loss"),
        (
            "losses = losses + [loss]",
            Holder("losses", "list"),
            "losses = losses + [loss]",
        ),
        (
            "def log(v):\n    seen.append(v)\n\nseen = []",
            Holder("seen", "list"),
            "seen.append(v)",
        ),
        (
            "logs.setdefault(k, []).append(loss)",
            Holder("logs['a']", "list"),
            "logs.setdefault(k, []).append(loss)",
        ),
        # the number goes to one list, the tensor to another of that name
        (
            "a.out.append(loss.item())\nb.out.append(loss)",
            Holder("b.out", "list"),
            "b.out.append(loss)",
        ),
        # `push` is no method of a list, so it is not what fills it
        (
            "memory.push(loss)\nself.memory.append(x)",
            Holder("memory.memory", "list"),
            "self.memory.append(x)",
        ),
        ("losses.append(a)\nlosses.append(b)", Holder("losses", "list"), None),
        ("losses = []", Holder("losses", "list"), None),
        ("losses.append(loss", Holder("losses", "list"), None),
        ("losses.append(loss)", Holder("", "list"), None),
    ],
)
def test_the_line_that_stores_is_looked_for_by_the_last_name(
    source: str, holder: Holder, expected: str | None
) -> None:
    trace = Trace(Graph(), sources={"/t.py": source})
    found = find_storing(trace, kept_loss(99), holder)
    assert (None if found is None else found.site.expression) == expected


@pytest.mark.parametrize(
    ("statement", "names", "expected"),
    [
        ("losses.append(loss)", ["loss"], "losses.append(loss.item())"),
        ("loss_sum += loss", ["loss"], "loss_sum += loss.item()"),
        ("h['loss'] = self.loss", ["loss"], "h['loss'] = self.loss.item()"),
        (
            "rows.append((loss.item(), out))",
            ["loss", "out"],
            "rows.append((loss.item(), out.item()))",
        ),
        ("total = total + w * loss", ["loss"], "total = total + w * loss.item()"),
        ("outs.extend([a, b])", [], "outs.extend([a.item(), b.item()])"),
        ("for x in", ["x"], ""),
        ("pass", ["x"], ""),
    ],
)
def test_a_statement_is_rewritten_where_it_stores(
    statement: str, names: list[str], expected: str
) -> None:
    assert cut_in_statement(statement, names, is_scalar=True) == expected


@pytest.mark.parametrize(
    ("call", "keeps"),
    [
        ("loss.backward()", False),
        ("loss.backward(retain_graph=True)", True),
        ("loss.backward(retain_graph=False)", False),
        ("loss.backward(retain_graph=more)", True),
        ("torch.autograd.grad(loss, w, create_graph=True)", True),
        ("not a ( call", False),
    ],
)
def test_a_backward_that_is_asked_to_keep_the_graph_frees_nothing(
    call: str, *, keeps: bool
) -> None:
    assert keeps_graph(Site("/t.py", 1, 1, 0, 9, "f", call)) is keeps


def perceptron() -> tuple[Callable[[], Any], list[Any]]:
    net = nn.Sequential(nn.Linear(20, 64), nn.Sigmoid(), nn.Linear(64, 2))
    return lambda: net(torch.randn(16, 20)), list(net.parameters())


def activations() -> tuple[Callable[[], Any], list[Any]]:
    net = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 9), nn.Tanh())
    return lambda: net(torch.randn(5, 6)).sum(), list(net.parameters())


def by_hand() -> tuple[Callable[[], Any], list[Any]]:
    w = torch.randn(4, 4, requires_grad=True)
    return lambda: ((torch.randn(6, 4) @ w).exp() * 2 + 1).pow(2).mean(), [w]


def views() -> tuple[Callable[[], Any], list[Any]]:
    w = torch.randn(8, requires_grad=True)

    def run() -> Any:
        a = (w * torch.ones(3, 8)).view(2, 12).T.sigmoid()
        return torch.cat([a, a * 2.0]).reshape(-1)

    return run, [w]


@pytest.mark.parametrize("make", [perceptron, activations, by_hand, views])
def test_the_bytes_are_those_that_torch_has_saved(
    make: Callable[[], tuple[Callable[[], Any], list[Any]]],
) -> None:
    run, parameters = make()
    graph = capture(run)[-1].graph
    result = max(v.id for v in graph.values if v.op is not None and v.requires_grad)
    found = measure(graph, [result])
    assert found.freed == 0
    assert found.saved_bytes + found.own_bytes == bytes_alive(run, parameters)


def test_what_only_torch_has_seen_is_left_out() -> None:
    pool = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))

    def run() -> Any:
        return F.log_softmax(pool(torch.randn(1, 1, 8, 8)).flatten(1), 1)

    graph = capture(run)[-1].graph
    result = max(v.id for v in graph.values if v.op is not None and v.requires_grad)
    found = measure(graph, [result])
    # the indices of the maxima: int64[1, 2, 3, 3]
    hidden = 2 * 3 * 3 * 8
    alive = bytes_alive(run, list(pool.parameters()))
    assert found.saved_bytes + found.own_bytes == alive - hidden


def bytes_alive(run: Callable[[], Any], parameters: Sequence[Any]) -> int:
    """Return what a result and its graph keep beside parameters, as torch says."""
    own = {p.untyped_storage().data_ptr() for p in parameters}
    kept: list[Any] = []

    def pack(tensor: Any) -> Any:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept.append(run())
    storages = [tensor.untyped_storage() for tensor in kept]
    sizes = {s.data_ptr(): s.nbytes() for s in storages if s.data_ptr() not in own}
    return sum(sizes.values())
