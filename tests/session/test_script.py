"""Recording an unmodified script: it runs as under plain python."""

import subprocess
import sys
from pathlib import Path

import pytest

import graphscope as gs
from graphscope.session.interpreter import launch_command
from graphscope.session.order import Order
from graphscope.session.target import ScriptTarget
from graphscope.storage.schema import DEFAULT_MAX_BYTES

BROKEN = """\
import sys
import torch

print(sys.argv[1:], __name__, __file__ == sys.argv[0] or "absolute")
w = torch.ones(2, requires_grad=True)
for i in range(3):
    loss = (w * 2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad = None
    if i == 1:
        torch.ones(3) + torch.ones(2)
"""


def _command(script: Path, *argv: str) -> list[str]:
    """Return what records a script and says nothing of its own."""
    target, output = ScriptTarget(str(script), argv), script.with_suffix(".gscope")
    order = Order(target, output, False, DEFAULT_MAX_BYTES, is_logged=True)
    return launch_command(order.to_json(), target.words)


def _run(script: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _command(script, *argv),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_script_that_raises_shows_its_own_traceback_and_keeps_its_steps(
    tmp_path: Path,
) -> None:
    script = tmp_path / "broken.py"
    script.write_text(BROKEN)
    done = _run(script, "--lr", "3")
    plain = subprocess.run(
        [sys.executable, str(script), "--lr", "3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == plain.returncode == 1
    assert done.stdout == plain.stdout
    own, _, explained = done.stderr.partition("\ngraphscope: ")
    assert own == plain.stderr
    assert explained.startswith("`torch.ones(3)` [3] and `torch.ones(2)` [2] do not")
    with gs.load(script.with_suffix(".gscope")) as recording:
        assert len(recording) == 3 - 1
        assert recording[0].trace.status == "complete"
        last = recording[-1].trace
        assert last.status == "aborted"
        assert last.error.startswith("RuntimeError: The size of tensor a (3)")


def test_the_exit_code_is_the_scripts(tmp_path: Path) -> None:
    script = tmp_path / "leaves.py"
    script.write_text(
        "import atexit, sys\natexit.register(print, 'bye')\nsys.exit(7)\n"
    )
    done = _run(script)
    assert (done.returncode, done.stdout) == (7, "bye\n")
    script = tmp_path / "talks.py"
    script.write_text("raise SystemExit('no data')\n")
    done = _run(script)
    assert (done.returncode, done.stderr) == (1, "no data\n")


def test_the_scripts_own_modules_and_main_guard_work(tmp_path: Path) -> None:
    (tmp_path / "helper_of_mine.py").write_text("def double(t):\n    return t * 2\n")
    script = tmp_path / "uses.py"
    script.write_text(
        "import torch, helper_of_mine\n"
        "def main():\n"
        "    h = helper_of_mine.double(torch.ones(2))\n"
        "    print(h.sum().item())\n"
        "if __name__ == '__main__':\n"
        "    main()\n"
    )
    done = _run(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4.0\n", "")
    with gs.load(script.with_suffix(".gscope")) as recording:
        site = recording[0]["h"].site
        assert site is not None
        assert (site.short, site.expression) == ("helper_of_mine.py:2", "t * 2")
        assert [frame.line for frame in site.stack] == [3, 6]
        files = [Path(file).name for file in recording[0].trace.sources]
        assert sorted(files) == ["helper_of_mine.py", "uses.py"]


SLEEPS = """\
import sys, time, torch
w = torch.ones(1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for i in range(3):
    loss = (w * 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("trained", flush=True)
time.sleep(60)
"""


def test_a_finished_step_survives_a_kill_while_the_script_sleeps(
    tmp_path: Path,
) -> None:
    script, target = tmp_path / "sleeps.py", tmp_path / "sleeps.gscope"
    script.write_text(SLEEPS)
    with subprocess.Popen(
        _command(script),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "trained\n"
        with gs.load(target) as live:
            while len(live) < 3:
                live.recording.refresh()  # type: ignore[attr-defined]
        process.kill()
    with gs.load(target) as recording:
        assert len(recording) == 3
        assert recording[2]["w"].updated is not None


def test_a_step_replaces_its_draft(tmp_path: Path) -> None:
    script = tmp_path / "pauses.py"
    script.write_text(SLEEPS.replace("time.sleep(60)", "time.sleep(0.3); last = w * 7"))
    done = _run(script)
    assert (done.returncode, done.stderr) == (0, "")
    with gs.load(script.with_suffix(".gscope")) as recording:
        assert len(recording) == 4
        last, w = (recording[3][name].stats for name in ("last", "w"))
        assert last is not None
        assert w is not None
        assert last.mean == pytest.approx(w.mean * 7)
        assert [len(step.trace.graph.ops) for step in recording] == [3, 2, 2, 1]
