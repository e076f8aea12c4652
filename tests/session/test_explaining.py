"""gs.explain(exception), and what stands below the traceback of a recorded script."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import graphscope as gs
from graphscope.session.explaining import explain, tell_explanation


def break_it(x: torch.Tensor) -> None:
    w = torch.ones(3, requires_grad=True)
    h = torch.exp(w * x)
    h += 1
    h.sum().backward()


def raised_by(run: Callable[[], object]) -> BaseException:
    try:
        run()
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is asked for
        return error
    raise AssertionError("nothing was raised")


def traced() -> None:
    with gs.trace():
        break_it(torch.ones(3))


FIRST = break_it.__code__.co_firstlineno
FIX = "  → Write `h = h + 1` in place of `h += 1`."


def test_an_exception_that_ended_a_trace_is_explained_with_its_names() -> None:
    explanation = explain(raised_by(traced))
    one, two, three = (f"test_explaining.py:{FIRST + n}" for n in (2, 3, 4))
    assert str(explanation) == (
        f"`h` is changed in place before backward needs it ({two})\n"
        f"  `torch.exp(w * x)` ({one}) saved its result `h` for its gradient, in\n"
        f"  version 0. `h += 1` ({two}) then changed `h` in place.\n"
        f"  `h.sum().backward()` ({three}) needs the saved numbers for ExpBackward0\n"
        "  and found version 1.\n"
        f"  ╭ h = torch.exp(w * x)  {one}  ← saves it\n"
        f"  │ h += 1                {two}  ← changes it: version 1\n"
        f"  ╰ h.sum().backward()    {three}  ← needs version 0\n"
        f"{FIX}"
    )
    assert explanation.finding is not None
    assert explanation.finding.kind == "inplace-modified"
    assert explanation.findings == (explanation.finding,)
    assert repr(explanation) == "<explanation of RuntimeError: inplace-modified>"


def test_it_is_explained_inside_of_the_with_block_that_goes_on() -> None:
    with gs.trace() as t:
        texts = [str(explain(raised_by(lambda: break_it(torch.ones(3)))))]
        texts.append(str(explain(raised_by(lambda: torch.ones(2) @ torch.ones(3)))))
        (torch.ones(3, requires_grad=True) * 2).sum().backward()
    assert texts[0].splitlines()[-1] == FIX
    assert texts[1].startswith("`torch.ones(2)` [2] times `torch.ones(3)` [3] is no")
    assert t.findings == ()
    assert t.faults == {}


def test_inside_of_the_block_the_steps_before_are_known() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    text = ""
    with gs.trace():
        h = torch.zeros(3)
        for _ in range(2):
            h = torch.tanh(h + w)
            loss = (h * h).sum()
            optimizer.zero_grad()
            try:
                loss.backward()
            except RuntimeError as error:
                text = str(explain(error))
            optimizer.step()
    assert "`h` carries the graph of an earlier step into this one" in text
    assert "freed that graph at the end of step 0" in " ".join(text.split())


def test_one_that_ended_a_recording_is_explained_from_the_file(tmp_path: Path) -> None:
    def record() -> None:
        with gs.record(tmp_path / "run.gscope"):
            break_it(torch.ones(3))

    assert str(explain(raised_by(record))).splitlines()[-1] == FIX


def test_what_an_exception_was_raised_from_is_explained() -> None:
    def wrap() -> None:
        try:
            traced()
        except RuntimeError as error:
            raise ValueError("the training failed") from error

    assert str(explain(raised_by(wrap))).splitlines()[-1] == FIX


def test_without_a_recording_the_message_and_the_line_are_told() -> None:
    explanation = explain(raised_by(lambda: break_it(torch.ones(3))))
    found = explanation.finding
    assert found is not None
    assert found.site is not None
    assert found.site.short == f"test_explaining.py:{FIRST + 4}"
    assert found.explanation == (
        f"`h.sum().backward()` ({found.site.short}) needs a tensor of shape [3], a "
        "result of Exp, as it was saved, in version 0. It is in version 1: it was "
        "changed in place since."
    )
    (unknown,) = found.unknown
    assert unknown == (
        "Cannot tell which line changed it because nothing was recorded; run it under "
        "`graphscope record` or inside of `with gs.trace():`."
    )


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (lambda: torch.ones(2, requires_grad=True).add_(1), "inplace-modified"),
        (lambda: torch.ones(2, requires_grad=True).backward(), "not-scalar"),
        (lambda: torch.ones(()).backward(), "no-graph"),
        (lambda: torch.ones(2, 3) @ torch.ones(2, 3), "mismatch"),
    ],
)
def test_each_known_message_is_recognised(run: Callable[[], object], kind: str) -> None:
    found = explain(raised_by(run)).finding
    assert found is not None
    assert found.kind == kind
    assert found.unknown[0].startswith("Cannot tell ")


def test_a_strange_exception_is_no_error_of_ours() -> None:
    class StrangeError(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    assert str(explain(StrangeError())) == (
        "graphscope has no explanation for StrangeError"
    )
    loop = ValueError("a loop")
    other = KeyError("of causes")
    loop.__cause__, other.__cause__ = other, loop
    assert explain(loop).findings == ()


def test_nothing_of_an_exception_is_kept_alive() -> None:
    def use() -> "weakref.ref[torch.Tensor]":
        x = torch.ones(3)

        def run() -> None:
            with gs.trace():
                break_it(x)

        error = raised_by(run)
        assert explain(error).findings != ()
        return weakref.ref(x)

    kept = use()
    gc.collect()
    assert kept() is None


def test_another_exception_with_the_same_text_is_not_taken_for_it() -> None:
    first = raised_by(traced)
    second = raised_by(lambda: break_it(torch.ones(3)))
    assert str(first) == str(second)
    found = explain(second).finding
    assert found is not None
    assert found.unknown != ()


def test_a_known_trap_that_raised_is_told_below_the_traceback_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run() -> None:
        with gs.trace():
            labels = torch.tensor([1, 3])
            torch.nn.functional.cross_entropy(torch.zeros(2, 3), labels)

    tell_explanation(raised_by(run))
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == ""
    assert second.startswith("graphscope: Labels from 1 to 3 for 3 classes")


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_nothing_is_told_of_what_has_no_explanation(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        with gs.trace():
            torch.ones(3).sum()
            raise error

    try:
        run()
    except BaseException as raised:  # noqa: BLE001 - an interrupt as well
        tell_explanation(raised)
    assert capsys.readouterr().err == ""


def test_a_recorded_script_ends_as_ever_with_the_explanation_below(
    tmp_path: Path,
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\n"
        "w = torch.ones(3, requires_grad=True)\n"
        "loss = (w * w).sum()\n"
        "loss.backward()\n"
        "loss.backward()\n"
    )
    command = [sys.executable, "-m", "graphscope", "record", "train.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    trace, _, rest = done.stderr.partition("\ngraphscope: ")
    assert trace.startswith("Traceback (most recent call last):\n")
    assert f'"{script}", line 5, in <module>' in trace
    assert "RuntimeError: Trying to backward through the graph a second" in trace
    assert rest == (
        "`loss` goes backward twice (train.py:5)\n"
        "  `loss.backward()` (train.py:4) freed what `w * w` (train.py:3) had saved "
        "for its\n  gradient. `loss.backward()` (train.py:5) came to MulBackward0 a "
        "second time, where\n  nothing was left to compute with.\n"
        "  ╭ w * w            train.py:3  ← saves what backward needs\n"
        "  │ loss.backward()  train.py:4  ← frees what MulBackward0 saved\n"
        "  ╰ loss.backward()  train.py:5  ← needs MulBackward0 again\n"
        "  → Go back from `loss` once, or compute it anew in between; if both are "
        "meant, keep the\n    graph with `retain_graph=True` in line 4.\n"
        "Recorded 1 step in train.gscope. Open it: graphscope view train.gscope\n"
    )
