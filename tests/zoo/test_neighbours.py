"""Tools that watch or change torch at the same time: same results beside us."""

import copy
import io
import os
import signal
import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)
from torch.utils.flop_counter import FlopCounterMode

from tests.zoo.asking import gaps, op_names, ops_named, seen_as
from tests.zoo.watching import Look, Program, three_parts, watch

pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded")


def _model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


def flop_counter(look: Look) -> Any:
    model = _model()
    counter = FlopCounterMode(display=False)
    with counter:
        loss = model(torch.ones(2, 4)).sum()
        look(loss)
        loss.backward()
    counts = {
        name: {str(op): n for op, n in ops.items()}
        for name, ops in counter.get_flop_counts().items()
    }
    return [counter.get_total_flops(), counts, [p.grad for p in model.parameters()]]


def selective_checkpointing(look: Look) -> Any:
    asked: list[tuple[str, bool]] = []

    def policy(ctx: Any, op: Any, *_: Any, **__: Any) -> CheckpointPolicy:
        asked.append((str(op), ctx.is_recompute))
        keeps = op is torch.ops.aten.mm.default
        return (
            CheckpointPolicy.MUST_SAVE if keeps else CheckpointPolicy.PREFER_RECOMPUTE
        )

    w = torch.eye(2).requires_grad_()
    x = torch.ones(2, 2, requires_grad=True)
    y = checkpoint(
        lambda v: torch.sigmoid(torch.mm(v, w)) * 2,
        x,
        use_reentrant=False,
        context_fn=lambda: create_selective_checkpoint_contexts(policy),
    )
    loss = y.sum()
    look(loss, x=x, w=w)
    loss.backward()
    return [asked, x.grad, w.grad]


def profiler(look: Look) -> Any:
    model = _model()
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profile:
        loss = model(torch.ones(2, 4)).sum()
        look(loss)
        loss.backward()
    wanted = {"aten::addmm", "aten::relu", "aten::sum", "AddmmBackward0"}
    counts = {a.key: a.count for a in profile.key_averages() if a.key in wanted}
    return [counts, [p.grad for p in model.parameters()]]


def anomaly(look: Look) -> Any:
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    with (
        warnings.catch_warnings(record=True) as caught,
        torch.autograd.detect_anomaly(check_nan=True),
    ):
        y = torch.sqrt(x)
        loss = y.sum()
        look(loss)
        try:
            loss.backward()
        except RuntimeError as error:
            told = [str(warning.message) for warning in caught]
            # above the program's own frame stands who called it
            return [str(error), x.grad, [t.rpartition("in anomaly")[2] for t in told]]
    return None


class Counting(TorchFunctionMode):
    """A function mode of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(
        self, func: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Count, and go on."""
        self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


class Dispatching(TorchDispatchMode):
    """A dispatch mode of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Count, and go on."""
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


def own_modes(look: Look) -> Any:
    w = torch.ones(2, requires_grad=True)
    with Counting() as counting, Dispatching() as dispatching:
        h = nn.functional.gelu(w * 2)
        loss = h.sum()
        look(loss)
        loss.backward()
    return [counting.seen, dispatching.seen, w.grad]


def own_mode_around_attention(look: Look) -> Any:
    model = nn.MultiheadAttention(4, 2)
    x = torch.ones(2, 1, 4)
    with Counting() as counting:
        out, _ = model(x, x, x)
        loss = out.sum()
        look(loss)
        loss.backward()
    return [counting.seen, out]


def fake_mode(look: Look) -> Any:
    with FakeTensorMode() as mode:
        out = mode.from_tensor(torch.ones(2, 4)) @ torch.empty(4, 3)
        look_at = out.relu()
    del look
    return [tuple(look_at.shape), type(look_at).__name__]


def exported(look: Look) -> Any:
    del look
    program = torch.export.export(_model(), (torch.ones(2, 4),))
    return [str(node.target) for node in program.graph.nodes]


def traced_by_fx(look: Look) -> Any:
    del look
    graph = torch.fx.symbolic_trace(_model())
    return [graph(torch.ones(2, 4)), [str(n.target) for n in graph.graph.nodes]]


def copied_and_pickled(look: Look) -> Any:
    model = _model()
    x = torch.ones(2, 4)
    loss = model(x).sum()
    look(loss)
    loss.backward()
    twin = copy.deepcopy(model)
    stream = io.BytesIO()
    torch.save(model, stream)
    stream.seek(0)
    again = torch.load(stream, weights_only=False)
    state = copy.deepcopy(model.state_dict())
    model.load_state_dict(state, assign=True)
    model.to(torch.float64)
    return [
        [p.grad for p in twin.parameters()],
        [p.detach() for p in again.parameters()],
        [p.detach() for p in model.parameters()],
        [len(p._backward_hooks or ()) for p in twin.parameters()],
        len(stream.getvalue()),
    ]


def forked(look: Look) -> Any:
    w = torch.ones(2, requires_grad=True)
    loss = (w * 2).sum()
    look(loss, w=w)
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        signal.alarm(60)  # a failure then, and nobody waits for it for ever
        loss.backward()
        is_right = w.grad is not None and w.grad.tolist() == [2, 2]
        os._exit(0 if is_right else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    loss.backward()
    return [code, w.grad]


def deterministic(look: Look) -> Any:
    torch.use_deterministic_algorithms(mode=True)
    try:
        table = nn.Embedding(4, 2)
        loss = table(torch.tensor([1, 1, 2])).cumsum(0).sum()
        look(loss)
        loss.backward()
    finally:
        torch.use_deterministic_algorithms(mode=False)
    return table.weight.grad


def graph_hooks(look: Look) -> Any:
    """`register_multi_grad_hook` and a saved-tensor offload of the user's."""
    seen: list[Any] = []
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    torch.autograd.graph.register_multi_grad_hook(
        [a, b],
        lambda grads: seen.append([None if g is None else g.item() for g in grads]),
    )
    with torch.autograd.graph.save_on_cpu():
        loss = (a * b * 3).sum()
    look(loss, a=a, b=b)
    loss.backward()
    return [seen, a.grad, b.grad]


def warned_from_inside_of_torch(look: Look) -> Any:
    """Warns about the caller of a module, five frames out."""
    soft: Any = nn.Softmax()
    w = torch.ones(2, 3, requires_grad=True)
    for _ in range(3):
        loss = (soft(w) * 2).sum()
        look(loss)
        loss.backward()
    return [w.grad, nn.Sequential(nn.LogSoftmax())(w), nn.functional.softmin(w)]


PROGRAMS: list[Program] = [
    flop_counter,
    selective_checkpointing,
    profiler,
    anomaly,
    own_modes,
    own_mode_around_attention,
    copied_and_pickled,
    forked,
    deterministic,
    graph_hooks,
    warned_from_inside_of_torch,
]
test_it_is_harmless, *_ = three_parts([*PROGRAMS, fake_mode, exported, traced_by_fx])
_, test_it_is_complete, _, test_it_can_be_drawn = three_parts(PROGRAMS)
_, _, test_it_is_true, _ = three_parts([forked])


def test_a_step_beside_a_counter_is_recorded_whole() -> None:
    for program in (flop_counter, profiler):
        trace = watch(program).last
        assert op_names(trace) == ["linear", "relu", "linear", "sum"]
        assert gaps(trace) == []
        assert len(seen_as(trace, "arrived", "0.weight")) == 1


def test_kept_and_recomputed_ops_of_selective_checkpointing_are_told_apart() -> None:
    trace = watch(selective_checkpointing).last
    assert [op.kind.value for op in ops_named(trace, "mm")] == ["compute", "recompute"]
    assert [op.kind.value for op in ops_named(trace, "sigmoid")] == [
        "compute",
        "recompute",
    ]


def test_a_nan_that_anomaly_mode_stops_at_is_in_the_recording() -> None:
    trace = watch(anomaly).last
    assert "sqrt" in op_names(trace)
    (found,) = seen_as(trace, "value", "y")
    assert str(found) == "[nan, 2.0]"
    assert any(node.name == "SqrtBackward0" for node in trace.graph.grad_nodes)


def test_ops_under_the_users_own_modes_are_recorded_once() -> None:
    trace = watch(own_modes).last
    assert op_names(trace) == ["mul", "gelu", "sum"]


def test_a_forked_child_does_not_disturb_its_parents_graph() -> None:
    trace = watch(forked).last
    assert seen_as(trace, "arrived", "w") == [[2, 2]]
