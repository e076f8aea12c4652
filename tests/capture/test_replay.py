"""A step that repeats the last one is written with its records: nothing may differ."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn
from torch.utils.checkpoint import checkpoint

from graphscope.capture.journal import Journal
from graphscope.capture.replay import Replay
from graphscope.model.graph import EventKind, Role
from graphscope.model.trace import Trace
from tests.capture.capturing import capture
from tests.capture.programs import PROGRAMS

# torch gives this one itself, when torch.func.jvp is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

LOOPS: dict[str, Callable[[], Any]] = {}


def loop(run: Callable[[], Any]) -> Callable[[], Any]:
    """Register a training loop."""
    LOOPS[run.__name__] = run
    return run


@loop
def mlp() -> None:
    model = nn.Sequential(nn.Linear(4, 300), nn.ReLU(inplace=True), nn.Linear(300, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    for _ in range(5):
        x, y = torch.randn(6, 4), torch.randint(0, 3, (6,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()


@loop
def compiled_function() -> None:
    torch._dynamo.reset()
    run = torch.compile(lambda x, w: torch.sin(x) * w, backend="eager")
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        loss = (run(torch.randn(3), w) * 2).sum()
        loss.backward()
        optimizer.step()


@loop
def function_transforms() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        g = torch.func.grad(lambda v: (v**2).sum())(torch.randn(3))
        y = torch.vmap(lambda row: row * w)(torch.randn(2, 3))
        loss = (g * w).sum() + y.sum() + torch.func.grad(torch.sum)(w).sum()
        loss.backward()
        optimizer.step()


@loop
def convolutions_with_batch_norm() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(64, 2),
    )
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(4):
        loss = model(torch.randn(3, 1, 6, 6)).pow(2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)


@loop
def by_hand() -> None:
    w = torch.tensor([0.5, 1.5], requires_grad=True)
    lr = 0.1
    for step in range(5):
        loss = ((w * 3 - 1) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad  # type: ignore[operator]
        w.grad = None
        lr = 0.1 / (step + 1)


@loop
def every_third_step_logs() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(5, 3)
    for step in range(9):
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()
        if step % 3 == 2:
            norm = model.weight.norm()
            assert norm.item() >= 0


@loop
def the_shape_changes() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(6):
        x = torch.randn(5 if step < 3 else 2, 3)
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()


@loop
def a_branch() -> None:
    w = torch.ones(300, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for step in range(8):
        h = w * 2
        if step % 2:
            h = h.tanh()
            g = h + 1
        else:
            g = h.relu()
        loss = g.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@loop
def gradients_accumulate_over_passes() -> None:
    model = nn.Linear(2, 300)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        for _ in range(3):
            (model(torch.randn(4, 2)).pow(2).mean() / 3).backward()
        optimizer.step()
        optimizer.zero_grad()


class _Cube(torch.autograd.Function):
    """x cubed."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        gradient: torch.Tensor = 3 * x * x * gradients[0]
        return gradient


@loop
def a_function_of_the_users() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        y = _Cube.apply(w)
        loss = _Cube.apply(y).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@loop
def gradients_on_request() -> None:
    w = torch.ones(3, requires_grad=True)
    for step in range(6):
        loss = (w * 2).pow(2).sum()
        (g,) = torch.autograd.grad(loss, w, create_graph=step == 4)
        with torch.no_grad():
            w -= 0.1 * g


@loop
def attention_and_checkpoint() -> None:
    attention = nn.MultiheadAttention(4, 2)
    block = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    parameters = [*attention.parameters(), *block.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for step in range(5):
        x = torch.randn(3, 1, 4)
        h, _ = attention(x, x, x)
        loss = checkpoint(block, h, use_reentrant=step == 4).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@loop
def the_state_is_carried_over() -> None:
    cell = nn.GRUCell(2, 300)
    optimizer = torch.optim.SGD(cell.parameters(), lr=0.1)
    h = torch.zeros(1, 300)
    for _ in range(4):
        h = cell(torch.randn(1, 2), h.detach())
        loss = h.pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@loop
def writes_through_views() -> None:
    w = torch.ones(4, 100, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        y = w * 2
        y[0] = 0
        z = y[1:]
        z.mul_(3)
        loss = y.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@loop
def shared_and_tied() -> None:
    layer = nn.Linear(20, 20)
    out = nn.Linear(20, 20)
    out.weight = layer.weight
    optimizer = torch.optim.SGD([*layer.parameters(), out.bias], lr=0.1)
    for _ in range(4):
        loss = out(layer(layer(torch.randn(3, 20)))).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 0.1)
        optimizer.step()


@loop
def hooks_change_gradients() -> None:
    w = torch.ones(300, requires_grad=True)
    w.register_hook(lambda g: g.clamp(max=0.5))
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        h = w * 3
        h.register_hook(lambda g: g * 10)
        optimizer.zero_grad()
        h.pow(2).sum().backward()
        optimizer.step()


@loop
def hooks_that_come_and_go() -> None:
    w = torch.ones(3, requires_grad=True)

    def halve(leaf: torch.Tensor) -> None:
        if leaf.grad is not None:
            leaf.grad = leaf.grad / 2

    w.register_post_accumulate_grad_hook(halve)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for step in range(8):
        h = w * 3
        if step % 4 == 2:
            h.register_hook(lambda g: g * 10)
        node: Any = h.grad_fn
        if step % 4 == 3:
            node.register_prehook(lambda grads: (grads[0] + 1,))
        handle = w.register_hook(lambda g: g + 1) if step > 5 else None
        optimizer.zero_grad()
        h.pow(2).sum().backward()
        optimizer.step()
        if handle is not None:
            handle.remove()


@loop
def gradients_are_clipped_and_unscaled() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)
    for step in range(7):
        optimizer.zero_grad()
        loss = model(torch.ones(2, 3)).pow(2).sum()
        scaler.scale(loss).backward()
        if step > 3:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        scaler.step(optimizer)
        scaler.update()


@loop
def plain_tensors_share_memory() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    buffer = torch.zeros(6)
    kept = []
    for step in range(6):
        first, rest = buffer[:3], buffer[3:]
        first.fill_(step)
        if step > 2:
            kept.append(buffer[1:2])
        rest.copy_(first)
        loss = (w * first * rest).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            w.view(-1)[0] = 2.0


@loop
def views_are_renewed() -> None:
    w = torch.ones(2, 3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        y = w * 2
        rows = y.view(6)
        y.mul_(5)
        loss = rows.sum() + y.pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@loop
def written_without_versions() -> None:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        with torch.inference_mode():
            hidden = torch.ones(2) * 3
            part = hidden[:1]
            hidden.add_(1)
            part.mul_(2)
            assert hidden[0].item() == 8
        loss = (w * w).sum()
        optimizer.zero_grad()
        loss.backward()
        w.data -= 0.1
        w.data[0] = 9.0
        optimizer.step()


def _facts(trace: Trace) -> tuple[Any, ...]:
    """Return everything of a trace, the numbers as bytes."""
    numbers = []
    for seen in trace.observations:
        data = None if seen is None or seen.data is None else seen.data.tobytes()
        numbers.append((seen is None, data, None if seen is None else seen.summary))
    return trace.step, trace.status, trace.error, trace.graph, numbers


@pytest.mark.parametrize("name", [*LOOPS, *PROGRAMS])
def test_a_replayed_step_is_the_step_that_recording_anew_would_give(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {**LOOPS, **PROGRAMS}[name]
    start = Replay.start
    found = []
    for begin in (start, lambda _self, _script: None):  # from one line: the same sites
        monkeypatch.setattr(Replay, "start", begin)
        torch.manual_seed(3)
        found.append(capture(run))
    fast, slow = found
    assert len(fast) == len(slow)
    for replayed, recorded in zip(fast, slow, strict=True):
        for one, other in zip(_facts(replayed), _facts(recorded), strict=True):
            assert one == other


@pytest.mark.parametrize("name", ["mlp", "convolutions_with_batch_norm", "by_hand"])
def test_a_steady_loop_is_replayed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = []
    original = Journal._repeat

    def count(journal: Journal) -> Trace:
        repeated.append(journal.step)
        return original(journal)

    monkeypatch.setattr(Journal, "_repeat", count)
    traces = capture(LOOPS[name])
    # At the latest the third: the first has what comes before the loop.
    assert repeated[-2:] == [len(traces) - 2, len(traces) - 1]
    assert traces[-1].graph is traces[-2].graph


def _write_through_data(w: torch.Tensor) -> None:
    w.data.mul_(2)


def _write_through_an_array(w: torch.Tensor) -> None:
    array = w.detach().numpy()
    array *= 2


def _write_with_a_version(w: torch.Tensor) -> None:
    w.detach().mul_(2)


WRITES: dict[str, Callable[[torch.Tensor], None]] = {
    "through .data": _write_through_data,
    "through an array": _write_through_an_array,
    "with a version": _write_with_a_version,
}


@pytest.mark.parametrize("how", WRITES)
def test_a_parameter_that_is_changed_behind_its_version_is_read_again(how: str) -> None:
    w = torch.ones(1000, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    expected: list[tuple[float, float]] = []

    def run() -> None:
        for step in range(5):
            optimizer.zero_grad()
            expected.append((float(w.detach().sum()), 0.0))
            loss = (w * w).sum()
            loss.backward()
            optimizer.step()
            if step in (1, 3):
                WRITES[how](w)

    traces = capture(run)
    for trace, (total, _) in zip(traces, expected, strict=True):
        value = next(v for v in trace.graph.values if v.name == "w" and not v.previous)
        seen = trace.value_of(value.id)
        assert seen is not None
        assert seen.stats is not None
        assert seen.stats.mean * 1000 == pytest.approx(total, rel=1e-5)


def test_a_gradient_changed_through_its_data_is_read_before_it_is_zeroed() -> None:
    w = torch.ones(1000, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.0)

    def run() -> None:
        for step in range(4):
            (w * 3).sum().backward()
            if step == 2:
                gradient = w.grad
                assert gradient is not None
                gradient.data.fill_(5)
            optimizer.step()
            optimizer.zero_grad()

    traces = capture(run)
    means = []
    for trace in traces:
        (slot,) = [
            i
            for i, s in enumerate(trace.graph.slots)
            if s.role is Role.BEFORE
            and trace.graph.events[s.event].kind is EventKind.ZERO
        ]
        seen = trace.seen(slot)
        assert seen is not None
        assert seen.stats is not None
        means.append(seen.stats.mean)
    assert means == [3.0, 3.0, 5.0, 3.0]
