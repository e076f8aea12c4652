"""A debugger that drives training in another process, without a screen."""

import re
from pathlib import Path

import numpy as np
import pytest

from graphscope.debugger.state import Activity
from graphscope.debugger.verbs import Verb
from graphscope.errors import DebuggerError
from graphscope.model.graph import EventKind, Role
from graphscope.model.trace import Status
from graphscope.model.view import ValueView
from tests.session.driving import (
    ROOT,
    driven,
    private_places,  # noqa: F401 - a fixture
)
from tests.waiting import wait_for

LINE = (ROOT / "demos" / "live" / "linear_regression.py").read_text()
XOR = (ROOT / "demos" / "live" / "mlp_adam.py").read_text()


def test_a_line_is_stepped_through_to_the_gradient_of_w(tmp_path: Path) -> None:
    with driven(tmp_path, LINE) as run:
        assert run.paused().reason == "paused"
        while run.seat().title != "loss = pow":
            run.move(Verb.STEP)
        assert run.seat().site == "train.py:16"
        # Backward begins: the node of the power has its gradient and has not run.
        at = run.move(Verb.RUN_UNTIL, text="node:PowBackward0")
        assert at.is_before
        assert at.title == "PowBackward0"
        trace = run.trace()
        assert trace.status is Status.OPEN
        assert trace.graph.events[-1].kind is EventKind.GRAD
        assert len(trace.graph.events) == at.event + 1
        while run.move(Verb.STEP).title != "accumulate w":
            assert run.seat().step == 0
        # 2 · (−0.34 · 6.7 + 0.04 − 9.1) · 6.7 = −151.93
        view = ValueView(run.trace(), run.trace().resolve("w"))
        assert float(np.asarray(view.grad)) == pytest.approx(-151.93, abs=0.005)
        assert run.go() == 0


def test_a_conditional_breakpoint_waits_for_its_step(tmp_path: Path) -> None:
    with driven(tmp_path, LINE) as run:
        run.paused()
        assert run.send(Verb.ADD, text="b if step == 7") == (
            "breakpoint 1: b if step == 7"
        )
        at = run.move(Verb.CONTINUE)
        assert (at.step, at.reason) == (7, "breakpoint 1: b if step == 7")
        # Everything until then is in the recording.
        assert [run.trace(step=s).step for s in range(8)] == list(range(8))
        assert run.go() == 0
        assert run.output().count("loss") == 10


def test_modules_are_stepped_over_and_out_of(tmp_path: Path) -> None:
    with driven(tmp_path, XOR) as run:
        run.paused()
        at = run.move(Verb.RUN_UNTIL, text="module:fc1")
        assert at.scope == "fc1"
        at = run.move(Verb.OUT)
        assert (at.scope, at.reason) == ("fc1", "end of fc1")
        at = run.move(Verb.OVER)
        assert at.scope != "fc1"
        at = run.move(Verb.RUN_UNTIL, text="phase:backward")
        assert at.is_before
        at = run.move(Verb.NEXT_PHASE)
        assert at.title.startswith("Adam update")
        at = run.move(Verb.NEXT_STEP)
        assert (at.step, at.event) == (1, 0)
        assert run.go() == 0


def test_what_was_paused_a_hundred_times_is_what_was_never_paused(
    tmp_path: Path,
) -> None:
    source = XOR.replace("range(50)", "range(6)") + (
        "import hashlib\n"
        "bits = b''.join(p.detach().numpy().tobytes() for p in net.parameters())\n"
        "print(hashlib.sha256(bits + torch.get_rng_state().numpy().tobytes())"
        ".hexdigest())\n"
    )
    with driven(tmp_path, source, live="{}") as free:
        assert free.go() == 0
        bare = free.output().split()[-1]
    (tmp_path / "train.gscope").unlink()
    with driven(tmp_path, source) as run:
        run.paused()
        for _ in range(100):
            run.move(Verb.STEP)
        assert run.go() == 0
        # "Recorded 4 steps in …" is said after it.
        assert bare in run.output()


STRANGE = """
import torch
from torch.utils.checkpoint import checkpoint

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh())
w = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.LBFGS([w, *model.parameters()], lr=0.1, max_iter=2)
x = torch.randn(4, 3)

def closure():
    optimizer.zero_grad()
    h = checkpoint(model, x * w, use_reentrant=False)
    loss = Double.apply(h).pow(2).mean()
    loss.backward()
    return loss

for step in range(2):
    optimizer.step(closure)
"""


def test_training_is_held_in_strange_places(tmp_path: Path) -> None:
    with driven(tmp_path, STRANGE) as run:
        run.paused()
        held = []
        while True:
            at = run.seat()
            held.append((at.title, at.site, at.is_before))
            if at.title.startswith("LBFGS update"):
                break
            run.move(Verb.STEP)
        titles = [title for title, *_ in held]
        # Inside of a custom Function's backward, of the recompute, of the closure.
        assert any(t == "DoubleBackward" and is_before for t, _, is_before in held)
        assert any(site == "train.py:12" for _, site, _ in held), held
        assert sum("tanh" in t for t in titles) >= 2, titles
        assert run.go() == 0


def test_a_breakpoint_in_code_pauses_only_where_somebody_is_attached(
    tmp_path: Path,
) -> None:
    source = LINE.replace("import torch\n", "import torch\nimport graphscope as gs\n")
    source = source.replace(
        "    loss.backward()",
        "    gs.breakpoint(when='loss < 60')\n    loss.backward()",
    )
    with driven(tmp_path, source, live="{'waits': True}") as run:
        at = run.paused()
        loss = run.trace().value_of(run.trace().resolve("loss").id)
        # 128.55, 106.03, 87.46, 72.15, 59.51: the fifth is the first below 60
        assert at.step == 4
        assert loss is not None
        assert loss.scalar == pytest.approx(59.5, abs=0.2)
        assert at.reason == "gs.breakpoint() at train.py:19"
        assert run.go() == 0


def test_served_scripts_are_attached_to_as_well(tmp_path: Path) -> None:
    source = LINE.replace(
        "import torch\n", "import torch\nimport graphscope as gs\ngs.serve(wait=True)\n"
    )
    source = source.replace(
        "    loss.backward()", "    gs.breakpoint()\n    loss.backward()"
    )
    with driven(tmp_path, source, command=["train.py"]) as run:
        assert run.paused().reason == "gs.breakpoint() at train.py:20"
        assert run.move(Verb.CONTINUE).step == 1
        assert run.go() == 0
    assert (tmp_path / "train.gscope").exists()


def test_a_script_that_raises_tells_so_and_keeps_what_it_had(tmp_path: Path) -> None:
    source = LINE + "    if step == 3:\n        torch.ones(2) @ torch.ones(3)\n"
    with driven(tmp_path, source) as run:
        run.paused()
        run.send(Verb.CONTINUE)
        assert run.ended() == 1
        wait_for(lambda: run.lost)
        assert run.state.is_failed
        assert run.state.ending.startswith("RuntimeError: inconsistent tensor size")
        assert "RuntimeError: inconsistent tensor size" in run.output()


def test_stop_ends_the_script_as_an_interrupt_would(tmp_path: Path) -> None:
    with driven(tmp_path, LINE + "print('not reached')\n") as run:
        run.paused()
        run.send(Verb.STOP)
        assert run.ended() == 130
        assert "not reached" not in run.output()


def test_what_the_script_does_to_end_well_is_let_through(tmp_path: Path) -> None:
    source = LINE.replace("for step in range(10):", "try:\n  for step in range(10):")
    head, _, loop = source.partition("    p = x")
    indented = "    p = x" + loop
    source = head + "".join(f"  {line}\n" for line in indented.splitlines())
    source += "finally:\n    print('saved', (w.detach() * 1).item())\n"
    with driven(tmp_path, source) as run:
        run.paused()
        run.move(Verb.NEXT_STEP)
        run.send(Verb.STOP)
        assert run.ended() == 130
        # w after one step: −0.34 + 0.001 · 151.929
        assert "saved -0.188" in run.output()


def test_training_goes_on_when_the_debugger_vanishes(tmp_path: Path) -> None:
    live = "{'starts_paused': True, 'waits': True, 'resume_after_s': 0.5}"
    with driven(tmp_path, LINE, live=live) as run:
        run.paused()
        run.client.close()
        assert run.ended() == 0
        assert run.output().count("loss") == 10


def test_commands_that_make_no_sense_are_refused_in_words(tmp_path: Path) -> None:
    with driven(tmp_path, LINE) as run:
        run.paused()
        with pytest.raises(DebuggerError, match="Nearest: l2"):
            run.send(Verb.ADD, text="grad.l3 > 1")
        with pytest.raises(DebuggerError, match="outside of every module"):
            run.send(Verb.OUT)
        assert run.seat().activity is Activity.PAUSED
        assert run.trace().slots_of(0, Role.VALUE)
        assert run.go() == 0


def test_a_misspelt_name_is_told_when_the_first_step_is_over(tmp_path: Path) -> None:
    with driven(tmp_path, LINE) as run:
        run.paused()
        run.send(Verb.ADD, text="lss > 1e9")
        run.move(Verb.NEXT_STEP)
        problem = wait_for(lambda: run.state.breakpoints[0].problem)
        assert "lss" in problem
        assert "loss" in problem
        assert run.go() == 0


THREADS = """
import threading
import torch

def train(name, start, steps):
    w = torch.tensor(start, requires_grad=True)
    for step in range(steps):
        loss = (w - 1) ** 2
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad = None
    results[name] = w.item()

results = {}
other = threading.Thread(target=train, name="critic", args=("critic", 3.0, 6))
other.start()
train("main", 2.0, 4)
other.join()
print(results)
"""


def test_each_thread_that_trains_is_held_alone_and_named(tmp_path: Path) -> None:
    live = "{'waits': True, 'breakpoints': ('loss if step == 2',)}"
    with driven(tmp_path, THREADS, live=live) as run:
        assert run.paused(0).reason == "breakpoint 1: loss if step == 2"
        at = run.paused(1)
        assert (at.thread, at.step) == ("critic", 2)
        assert at.recording.endswith("train.critic.gscope")
        # (w - 1)² of the thread's own w: 3, then 1 + 0.8 · 2 and 1 + 0.8² · 2
        loss = run.trace(1).value_of(run.trace(1).resolve("loss").id)
        assert loss is not None
        assert loss.scalar == pytest.approx((0.8**2 * 2) ** 2)
        assert run.move(Verb.CONTINUE, 0).title == "PowBackward0"
        assert run.seat(1) == at
        assert run.go() == 0
        # 1 + 0.8⁴ = 1.4096, and 1 + 0.8⁶ · 2 = 1.524288
        numbers = re.findall(r"'(\w+)': ([0-9.]+)", run.output())
        found = {name: float(number) for name, number in numbers}
        assert found == pytest.approx({"main": 1.4096, "critic": 1.524288}, rel=1e-5)
