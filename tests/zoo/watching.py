"""Running a small awkward program bare, under capture, and beside torch's own truth.

A program is called with a `Look`: it says which tensor a backward is about to start
from, and which named tensors are to be compared. Bare and for the harmless part that
does nothing; for the complete part it walks torch's graph, for the true part it asks
torch for values and gradients, in a run of their own without us.
"""

import gc
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from graphscope.analysis.findings import find_all, finder
from graphscope.diagram.build import build_diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.model.graph import Graph, Value, ValueKind
from graphscope.model.trace import Trace
from graphscope.render.dot import to_dot
from graphscope.render.text import to_text
from tests.capture.capturing import capture

SEED = 7
_ROOT = ("nan", "`y` becomes NaN: sqrt of a negative number")
ABOUT = {"anomaly": (_ROOT,), "not_finite": (_ROOT,)}
"""What is found in the programs that are about a fault, by their names."""

Walk = list[tuple[str, list[tuple[int | None, int]]]]
"""Of each node, in order of discovery: its name, and where its edges lead."""


class Look:
    """What a program is called with; this one does nothing."""

    def __call__(self, root: torch.Tensor, **named: torch.Tensor) -> None:
        """Say that backward will start from `root`, and what else to compare."""


Program = Callable[[Look], Any]


@dataclass(slots=True)
class Walker(Look):
    """Walks torch's graph from each root, without recursion."""

    walks: list[Walk] = field(default_factory=list)

    def __call__(self, root: torch.Tensor, **_: torch.Tensor) -> None:
        with torch._C.DisableTorchFunction():
            self.walks.append(walk_torch(root.grad_fn))


@dataclass(slots=True)
class Truth(Look):
    """Asks torch for the numbers; one dict of `(value, gradient)` for each root."""

    told: list[dict[str, tuple[Any, Any]]] = field(default_factory=list)

    def __call__(self, root: torch.Tensor, **named: torch.Tensor) -> None:
        values = {name: bits(tensor) for name, tensor in named.items()}
        wanted = [tensor for tensor in named.values() if tensor.requires_grad]
        gradients = _gradients(root, wanted) if wanted else ()
        by_id = {id(t): bits(g) for t, g in zip(wanted, gradients, strict=True)}
        self.told.append(
            {name: (values[name], by_id.get(id(t))) for name, t in named.items()}
        )


def _gradients(root: torch.Tensor, wanted: list[torch.Tensor]) -> Any:
    start = torch.ones_like(root)
    return torch.autograd.grad(
        root, wanted, start, retain_graph=True, allow_unused=True
    )


def walk_torch(grad_fn: Any) -> Walk:
    """Return the nodes reachable from `grad_fn` with their edges, breadth first."""
    order, position = [grad_fn], {grad_fn: 0}
    found: Walk = []
    for node in order:
        edges: list[tuple[int | None, int]] = []
        for target, output in node.next_functions:
            if target is not None and target not in position:
                position[target] = len(order)
                order.append(target)
            edges.append((None if target is None else position[target], output))
        found.append((_short(node.name()), edges))
    return found


def differences(graph: Graph, root: int, walk: Walk) -> Iterator[str]:
    """Walk the recorded graph beside torch's; yield where they differ.

    What lies before a value that an earlier step computed is in that step's trace.
    """
    first = graph.values[root].grad_node
    assert first is not None, "the root has no grad node"
    order, met = [first], {first: 0}
    for number in order:
        node, (name, edges) = graph.grad_nodes[number], walk[met[number]]
        if _short(node.name) != name:
            yield f"{node.name} in place of {name}"
        if not node.edges and edges and _is_carried(graph, number):
            continue
        if [e.output for e in node.edges] != [output for _, output in edges]:
            yield f"the edges of {name}: {node.edges} in place of {edges}"
            continue
        for edge, (wanted, _) in zip(node.edges, edges, strict=True):
            ours = edge.target
            if ours is not None and wanted is not None and ours not in met:
                met[ours] = wanted
                order.append(ours)
            if wanted != (None if ours is None else met.get(ours)):
                yield f"an edge of {name} leads to {ours} in place of {wanted}"


def _is_carried(graph: Graph, node: int) -> bool:
    made = [v for v in graph.values if v.grad_node == node]
    return bool(made) and all(v.kind is ValueKind.CARRIED for v in made)


def _short(name: str) -> str:
    return name.rpartition("::")[2]


def bits(result: Any) -> Any:
    """Turn tensors inside of `result` into bytes: NaN and -0.0 compare bit for bit."""
    if isinstance(result, torch.Tensor):
        return _bits_of(result.detach())
    if isinstance(result, np.ndarray | np.generic):
        return (str(result.dtype), result.shape, result.tobytes())
    if isinstance(result, list | tuple):
        return [bits(item) for item in result]
    if isinstance(result, dict):
        return {key: bits(item) for key, item in result.items()}
    return result


def _bits_of(tensor: torch.Tensor) -> Any:
    if tensor.is_meta or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        return (type(tensor).__name__, str(tensor.dtype), str(tensor.shape))
    if tensor.is_nested:
        return [_bits_of(part) for part in tensor.unbind()]
    if tensor.layout is not torch.strided:
        return (str(tensor.layout), _bits_of(tensor.to_dense()))
    plain = tensor.resolve_conj().resolve_neg().contiguous()
    if plain.dtype is torch.bfloat16:
        plain = plain.float()
    return bits(plain.numpy())


@dataclass(frozen=True, slots=True)
class Ran:
    """Everything that a run may not be changed in."""

    result: Any
    warnings: list[tuple[type[Warning], str, str, int]]
    states: tuple[Any, ...]
    installed: tuple[int, ...]


def run(program: Program, look: Look | None = None) -> tuple[Ran, list[StorageWeakRef]]:
    """Run from a fixed seed; return what can be compared, and the results' storages."""
    torch.manual_seed(SEED)
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - the global state is what is compared
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = program(look or Look())
    with torch._C.DisableTorchFunction():
        return _describe(result, caught)


def _describe(
    result: Any, caught: list[warnings.WarningMessage]
) -> tuple[Ran, list[StorageWeakRef]]:
    told = [(w.category, str(w.message), w.filename, w.lineno) for w in caught]
    states = (
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),  # type: ignore[index]  # noqa: NPY002
    )
    storages = [StorageWeakRef(t.untyped_storage()) for t in _plain_tensors(result)]
    return Ran(bits(result), told, states, _modes()), storages


def _modes() -> tuple[int, ...]:
    """Return what a program of torch's may leave switched on."""
    return (
        torch._C._len_torch_dispatch_stack(),
        int(torch.is_grad_enabled()),
        int(torch.is_autocast_enabled("cpu")),
        int(torch.is_anomaly_enabled()),
    )


def _plain_tensors(result: Any) -> Iterator[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        is_plain = type(result) in (torch.Tensor, torch.nn.Parameter)
        if is_plain and result.layout is torch.strided and not result.is_meta:
            yield result
    elif isinstance(result, dict | list | tuple):
        for item in result.values() if isinstance(result, dict) else result:
            yield from _plain_tensors(item)


@dataclass(frozen=True)
class Watched:
    """A program's traces, and torch's graph from each of its roots."""

    traces: list[Trace]
    walks: list[Walk]

    @property
    def last(self) -> Trace:
        """The last step."""
        return self.traces[-1]


@cache
def watch(program: Program) -> Watched:
    """Capture `program`, walking torch's graph at each of its roots."""
    walker = Walker()
    return Watched(capture(lambda: run(program, walker)), walker.walks)


def check_harmless(program: Program) -> None:
    """Results, warnings, random states and modes are the same; nothing stays alive."""
    run(program)  # warnings that torch gives once per process come first
    bare, bare_storages = run(program)
    watched: list[Ran] = []
    storages: list[StorageWeakRef] = []

    def traced() -> None:
        ran, kept = run(program)
        watched.append(ran)
        storages.extend(kept)

    traces = capture(traced)
    assert traces
    (seen,) = watched
    assert seen.result == bare.result
    assert seen.warnings == bare.warnings
    assert seen.states == bare.states
    assert seen.installed == bare.installed
    gc.collect()
    assert _alive(storages) == _alive(bare_storages)


def _alive(storages: list[StorageWeakRef]) -> list[bool]:
    return [not reference.expired() for reference in storages]


def check_complete(program: Program) -> None:
    """Nodes and edges equal a walk over `grad_fn.next_functions`, from every root."""
    watched = watch(program)
    roots = [(t.graph, root) for t in watched.traces for root in t.graph.roots]
    assert len(roots) == len(watched.walks)
    for (graph, root), walk in zip(roots, watched.walks, strict=True):
        assert list(differences(graph, root, walk)) == []


def check_true(program: Program) -> None:
    """Values and gradients of the named tensors are torch's, bit for bit."""
    truth = Truth()
    run(program, truth)
    told = iter(truth.told)
    for trace in watch(program).traces:
        wanted: dict[str, list[tuple[Any, Any]]] = {}
        for _ in trace.graph.roots:
            for name, pair in next(told).items():
                wanted.setdefault(name, []).append(pair)
        for name, pairs in wanted.items():
            _compare(trace, name, pairs)
    assert list(told) == []


def _compare(trace: Trace, name: str, pairs: list[tuple[Any, Any]]) -> None:
    values = newest(trace, name)
    seen = [trace.value_of(value.id) for value in values]
    found = [bits(s.data) if s is not None else None for s in seen]
    if len(found) == 1:  # a leaf, or a result that is used in several passes
        found *= len(pairs)
    assert (name, found) == (name, [value for value, _ in pairs])
    arrived = sorted(pair for v in values for pair in _arrivals(trace, v))
    gradients = [bits(trace.observations[slot]) for _, slot in arrived]
    data = [g.data if hasattr(g, "data") else g for g in gradients]
    wanted = [gradient for _, gradient in pairs if gradient is not None]
    assert (name, [bits(d) for d in data]) == (name, wanted)


def _arrivals(trace: Trace, value: Value) -> list[tuple[int, int]]:
    slots = trace.graph.slots
    roles = ("arrived", "grad_output")
    found = trace.graph.value_slots.get(value.id, ())
    return [(slots[s].event, s) for s in found if slots[s].role.value in roles]


def newest(trace: Trace, name: str) -> list[Value]:
    """Return the values of that name, without versions that an in-place op replaced."""
    kinds = (ValueKind.GRADIENT, ValueKind.CONSTANT)
    found = [trace.graph.values[i] for i in trace.graph.names.get(name, ())]
    found = [v for v in found if v.kind not in kinds and not trace.is_updated(v)]
    replaced = {v.previous for v in found}
    assert found, f"nothing is named {name!r}; there are {list(trace.graph.names)}"
    return [v for v in found if v.id not in replaced]


def check_drawn(program: Program) -> None:
    """Every step has a text picture and DOT source, with a box for every root."""
    for trace in watch(program).traces:
        diagram = build_diagram(trace, DiagramOptions())
        drawn = {value for box in diagram.boxes for value in box.values}
        assert set(trace.graph.roots) <= drawn
        assert to_text(diagram)
        source = to_dot(diagram)
        assert [box.id for box in diagram.boxes if box.id not in source] == []


def check_judged(program: Program) -> None:
    """No check fails, and nothing is found but in programs that are about it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finder, "UNFIT", ())
        found = find_all(watch(program).traces)
    wanted = ABOUT.get(program.__name__, ())
    assert [(finding.kind, finding.title) for finding in found] == [*wanted]


def three_parts(programs: list[Program]) -> tuple[Any, Any, Any, Any]:
    """Return the tests that every program must pass: three parts, and a picture.

    What can be drawn is judged too: both ask for the traces and nothing else.
    """
    every = pytest.mark.parametrize("program", programs, ids=lambda p: p.__name__)

    @every
    def test_it_is_harmless(program: Program) -> None:
        check_harmless(program)

    @every
    def test_it_is_complete(program: Program) -> None:
        check_complete(program)

    @every
    def test_it_is_true(program: Program) -> None:
        check_true(program)

    @every
    def test_it_can_be_drawn(program: Program) -> None:
        check_drawn(program)
        check_judged(program)

    return (
        test_it_is_harmless,
        test_it_is_complete,
        test_it_is_true,
        test_it_can_be_drawn,
    )
