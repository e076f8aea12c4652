"""The oracle finds what it is for: each verdict fails on a capture that deserves it."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from graphscope.model.graph import Gap, Graph, Role
from graphscope.model.observation import Observation, summarize
from graphscope.model.trace import Trace
from tests.oracle.databases import Item, train_briefly
from tests.oracle.judging import Recording, Step, Verdict, judge_item
from tests.oracle.numbers import differs
from tests.oracle.parts import Part

Models = tuple[torch.nn.Module, ...]


def make_pairs() -> list[Any]:
    """Two tensors for each of three samples, the last large."""
    return [
        (
            torch.linspace(-1, 1, n).requires_grad_(),
            torch.linspace(1, 2, n).requires_grad_(),
        )
        for n in (1, 6, 300)
    ]


def compute(sample: Any) -> Any:
    x, w = sample
    u = x * w
    return torch.tanh(u) + u, u.detach()


GOOD = Item("good", make_pairs, compute)


def test_the_recorder_is_harmless_complete_and_true_on_a_small_program() -> None:
    verdict = judge_item(GOOD)

    assert verdict.failures == {}
    assert (verdict.identical, verdict.complete, verdict.true) == (3, 3, 3)
    # Each sample: 2 leaves, 4 results; gradients at 2 leaves and 3 nodes, along
    # 5 edges, of which 2 lead to leaves. Roots get theirs from outside.
    assert verdict.compared >= 3 * 12
    assert verdict.unchecked == 0


class Meddling(Recording):
    """Records, and lets `meddle` work in a mode around every call meanwhile."""

    def __init__(
        self, models: Models, whole: int, meddle: Callable[[Any], Any]
    ) -> None:
        super().__init__(models, whole)
        self._meddle = meddle

    @contextmanager
    def around(self) -> Iterator[Step]:
        meddle = self._meddle

        class Mode(TorchFunctionMode):
            def __torch_function__(
                self, func: Any, types: Any, args: Any = (), kwargs: Any = None
            ) -> Any:
                del types
                return meddle(func(*args, **(kwargs or {})))

        with super().around() as step, Mode():
            yield step


KEPT: list[Any] = []


def keep(result: Any) -> Any:
    KEPT.append(result)
    return result


def draw(result: Any) -> Any:
    torch.rand(1)
    return result


def nudge(result: Any) -> Any:
    if isinstance(result, torch.Tensor) and result.is_floating_point():
        return result * (1 + 2e-7)
    return result


def warn(result: Any) -> Any:
    warnings.warn("from the capture", stacklevel=1)
    return result


def leave_a_hook(result: Any) -> Any:
    torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
    return result


def switch_gradients_off(result: Any) -> Any:
    torch._C._set_grad_enabled(False)
    return result


def fail(_result: Any) -> Any:
    raise ValueError("from the capture")


@pytest.fixture
def _restored() -> Iterator[None]:
    yield
    KEPT.clear()
    torch.nn.modules.module._global_forward_hooks.clear()
    torch._C._set_grad_enabled(True)


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(
    ("meddle", "found"),
    [
        (keep, "harmful: storages kept alive"),
        (draw, "harmful: random states"),
        (nudge, "harmful: output numbers"),
        (leave_a_hook, "harmful: left behind: module hooks"),
        (switch_gradients_off, "harmful: left behind: grad mode"),
        (fail, "harmful: raised: ('ValueError', 'from the capture') instead of None"),
        (warn, "harmful: warnings: 5 × UserWarning 'from the capture'"),
    ],
)
def test_a_capture_that_does_harm_is_found(
    meddle: Callable[[Any], Any], found: str
) -> None:
    verdict = judge_item(GOOD, lambda m, whole: Meddling(m, whole, meddle), limit=1)

    assert verdict.identical == 0
    assert [text for text in verdict.failures if text.startswith(found)]


class Forging(Recording):
    """Records, and changes the traces afterwards."""

    def __init__(
        self, models: Models, whole: int, forge: Callable[[Trace], Trace]
    ) -> None:
        super().__init__(models, whole)
        self._forge = forge

    @contextmanager
    def around(self) -> Iterator[Step]:
        with super().around() as step:
            yield step
        self.traces[:] = [self._forge(trace) for trace in self.traces]


def judge_forged(forge: Callable[[Trace], Trace]) -> Verdict:
    return judge_item(GOOD, lambda m, whole: Forging(m, whole, forge))


def with_graph(trace: Trace, **changes: Any) -> Trace:
    graph: Graph = replace(trace.graph, **changes)
    return replace(trace, graph=graph)


def rename_a_node(trace: Trace) -> Trace:
    nodes = [
        replace(n, name="SinBackward0") if n.name == "TanhBackward0" else n
        for n in trace.graph.grad_nodes
    ]
    return with_graph(trace, grad_nodes=tuple(nodes))


def drop_an_edge(trace: Trace) -> Trace:
    nodes = [
        replace(n, edges=(n.edges[0], replace(n.edges[1], target=None)))
        if n.name == "MulBackward0"
        else n
        for n in trace.graph.grad_nodes
    ]
    return with_graph(trace, grad_nodes=tuple(nodes))


def swap_an_edge(trace: Trace) -> Trace:
    """Let both edges of the product lead to its first factor."""
    nodes = [
        replace(n, edges=(n.edges[0], n.edges[0])) if n.name == "MulBackward0" else n
        for n in trace.graph.grad_nodes
    ]
    return with_graph(trace, grad_nodes=tuple(nodes))


def name_another_value(trace: Trace) -> Trace:
    nodes = [
        replace(n, edges=(n.edges[0], replace(n.edges[1], value=n.edges[0].value)))
        if n.name == "MulBackward0"
        else n
        for n in trace.graph.grad_nodes
    ]
    return with_graph(trace, grad_nodes=tuple(nodes))


def forget_a_call(trace: Trace) -> Trace:
    ops = [
        replace(op, outputs=(), name="nothing") if op.name == "tanh" else op
        for op in trace.graph.ops
    ]
    return with_graph(trace, ops=tuple(ops))


@pytest.mark.parametrize(
    ("forge", "found"),
    [
        (
            rename_a_node,
            "incomplete: output with AddBackward0: TanhBackward0 is recorded as Sin",
        ),
        (
            drop_an_edge,
            "incomplete: output with AddBackward0: MulBackward0: edge 1 is (",
        ),
        (
            swap_an_edge,
            "incomplete: output with AddBackward0: AccumulateGrad is another node",
        ),
        (
            name_another_value,
            "incomplete: an edge of MulBackward0 names a value of another node",
        ),
        (forget_a_call, "incomplete: no op for the call tanh"),
    ],
)
def test_a_graph_that_lacks_something_is_found(
    forge: Callable[[Trace], Trace], found: str
) -> None:
    verdict = judge_forged(forge)

    assert verdict.complete == 0
    assert [text for text in verdict.failures if text.startswith(found)]


def test_what_a_named_gap_accounts_for_is_no_failure_but_not_complete() -> None:
    def forge(trace: Trace) -> Trace:
        return with_graph(
            forget_a_call(trace), gaps=(Gap(None, "tanh 1 was not seen"),)
        )

    verdict = judge_forged(forge)

    assert verdict.complete == 0
    assert "no op for the call tanh" in verdict.omissions
    assert verdict.gaps == {"tanh # was not seen": 3}
    assert [text for text in verdict.failures if "incomplete" in text] == []


def change_numbers(role: Role) -> Callable[[Trace], Trace]:
    """Return a forger that moves one number of the last observation of `role`."""

    def forge(trace: Trace) -> Trace:
        observations = list(trace.observations)
        slots = trace.graph.slots
        last = max(i for i, slot in enumerate(slots) if slot.role is role)
        seen = observations[last]
        assert seen is not None
        if seen.data is not None:
            changed = seen.data.copy()
            changed.reshape(-1)[-1] += np.spacing(changed.reshape(-1)[-1])
            observations[last] = Observation(data=changed)
        else:
            assert seen.summary is not None
            more = replace(seen.summary, zeros=seen.summary.zeros + 1)
            observations[last] = Observation(summary=more)
        return replace(trace, observations=tuple(observations))

    return forge


@pytest.mark.parametrize(
    ("role", "found"),
    [
        (Role.VALUE, "untrue: value of detach 1 of 1 numbers differ"),
        (Role.GRAD_OUTPUT, "untrue: gradient at MulBackward0 1 of 1 numbers differ"),
        (Role.ARRIVED, "untrue: gradient at AccumulateGrad 1 of 1 numbers differ"),
        (Role.EDGE, "untrue: edges to AccumulateGrad: 1 of 1 numbers differ"),
    ],
)
def test_one_wrong_last_bit_is_found(role: Role, found: str) -> None:
    verdict = judge_forged(change_numbers(role))

    assert found in verdict.failures
    # Of the large sample there are statistics only: a wrong count is found as well,
    # except along edges, whose statistics cannot be added up.
    assert verdict.true == (1 if role is Role.EDGE else 0)


def test_a_wrong_local_derivative_is_found() -> None:
    def enlarge(seen: Observation | None) -> Observation:
        assert seen is not None
        assert seen.data is not None
        return Observation(data=seen.data * np.float32(1.0001))

    def forge(trace: Trace) -> Trace:
        pairs = zip(trace.graph.slots, trace.observations, strict=True)
        changed = [enlarge(o) if s.role is Role.LOCAL else o for s, o in pairs]
        return replace(trace, observations=tuple(changed))

    verdict = judge_forged(forge)

    # The first sample has one element; of the third no derivatives are recorded.
    assert verdict.true == 1
    assert "untrue: local derivative of MulBackward0 1 of 1 products differ" in (
        verdict.failures
    )


def test_a_missing_gradient_is_found() -> None:
    def forge(trace: Trace) -> Trace:
        slots = trace.graph.slots
        kept = [
            None if slots[i].role is Role.ARRIVED else seen
            for i, seen in enumerate(trace.observations)
        ]
        return replace(trace, observations=tuple(kept))

    verdict = judge_forged(forge)

    assert "untrue: gradient at AccumulateGrad: nothing was recorded" in (
        verdict.failures
    )


def test_a_weight_that_an_optimizer_moved_elsewhere_is_found() -> None:
    def make() -> list[Any]:
        torch.manual_seed(3)
        shapes = ((4, 3), (3, 5), (2, 2))
        weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
        return [(weights, torch.optim.SGD(weights, lr=0.1))]

    item = Item("optimizer", make, train_briefly)
    forge = change_numbers(Role.UPDATED)

    assert judge_item(item).failures == {}
    wrong = judge_item(item, lambda m, whole: Forging(m, whole, forge))
    assert "untrue: updated of a weight 1 of 4 numbers differ" in wrong.failures


@pytest.mark.parametrize(
    "field", ["minimum", "maximum", "mean", "std", "l2", "zeros", "nans", "infs"]
)
def test_statistics_that_are_off_are_found(field: str) -> None:
    data = np.array([0.0, 1.5, -2.0, 3.25, np.nan, np.inf], np.float32)
    right = summarize(data)
    wrong = replace(right, **{field: getattr(right, field) + 1})

    assert differs(Observation(summary=right), data) == ""
    assert differs(Observation(summary=wrong), data) != ""


def test_numbers_are_compared_by_their_bits() -> None:
    assert differs(Observation(data=np.array([-0.0])), np.array([0.0])) != ""
    assert differs(Observation(data=np.array([1])), np.array([1.0])) != ""
    assert differs(Observation(data=np.array([np.nan])), np.array([np.nan])) == ""


def test_a_crash_names_its_item(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.oracle import parts

    script = (
        "import os, sys\n"
        "if sys.argv[1] == '0':\n"
        '    print(\'[["op", "float32"], "bad", null]\', flush=True)\n'
        "    os.abort()\n"
    )
    monkeypatch.setattr(
        Part, "command", lambda _, skip: [sys.executable, "-c", script, str(skip)]
    )
    outcomes: list[parts.Outcome] = []

    parts.run_parts([Part(("op",), ("float32",))], 1, outcomes.append)

    assert outcomes == [
        parts.Outcome(("op", "float32"), "bad", None, "ended by signal 6")
    ]
