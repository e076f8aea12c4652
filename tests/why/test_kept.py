"""Graphs that live too long: who keeps them, on which line, and what that costs."""

import linecache
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.retained import KeptCheck
from graphscope.capture import holders
from graphscope.capture.namespaces import user_frames
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.kept import Hold, KeptGraph
from graphscope.model.site import Site
from graphscope.model.trace import Trace
from tests.capture.capturing import capture
from tests.why.programs import run_case


def told(name: str) -> Finding:
    return run_case(f"kept_{name}").only("kept-graph")


def test_a_list_of_losses_is_told_with_its_line_and_the_line_of_the_loss() -> None:
    found = told("losses_list")
    assert found.title == "`losses` keeps the graphs of earlier steps alive"
    assert found.explanation == (
        "At the end of step 5 the graphs of steps 0 to 4 are still alive: the list "
        "`losses` holds their `loss` (kept_losses_list.py:14), which "
        "`losses.append(loss)` (kept_losses_list.py:18) stores there. A tensor keeps "
        "the graph that computed it, here 6 autograd nodes a step. Backward has freed "
        "what they had saved, but the nodes themselves stay."
    )
    assert found.remedy == "Store the number: `losses.append(loss.item())`."
    assert dict(found.numbers) == {
        "graphs of earlier steps alive": 5,
        "autograd nodes a step": 6,
        "bytes a step": 4,
        "bytes by now": 20,
    }
    assert not found.unknown


def test_what_no_backward_frees_is_told_in_bytes() -> None:
    # the result of the sigmoid, f32[16, 64], is 16 * 64 * 4 = 4096 bytes; the logits
    # that are held, f32[16, 2], are 16 * 2 * 4 = 128
    found = told("validation_outputs")
    assert found.explanation == (
        "At the end of step 6 the graphs of steps 1 to 5 are still alive: the list "
        "`val_outputs` holds their `logits` (kept_validation_outputs.py:22), which "
        "`val_outputs.append(logits)` (kept_validation_outputs.py:23) stores there. A "
        "tensor keeps the graph that computed it, here 5 autograd nodes a step. By the "
        "recorded shapes they have saved at least 4 KiB a step for a backward, 20 KiB "
        "by now."
    )
    assert found.remedy == (
        "Store the values without their graph: `val_outputs.append(logits.detach())`."
    )
    assert dict(found.numbers)["bytes a step"] == 4096 + 128


def test_a_running_total_is_told_as_a_chain_of_graphs() -> None:
    found = told("running_loss")
    assert found.title == "`running_loss` carries the graphs of earlier steps along"
    assert found.explanation == (
        "At the end of step 5 the graphs of steps 0 to 4 are still alive: "
        "`running_loss += loss` (kept_running_loss.py:25) goes on with the "
        "`running_loss` of the step before, so the graph of each step hangs on that of "
        "the next. A tensor keeps the graph that computed it, here 7 autograd nodes a "
        "step. Backward has freed what they had saved, but the nodes themselves stay."
    )
    assert found.remedy == "Add the number: `running_loss += loss.item()`."


def test_a_hidden_state_is_told_with_the_nodes_that_backward_runs_again() -> None:
    found = told("hidden_state")
    assert "The backward of step 5 has run " in found.explanation
    assert found.explanation.count(" of earlier steps too.") == 1
    assert found.remedy == (
        "Cut the graph where the step is over: `hidden = hidden.detach()`."
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("average_meter", "Add the number: `self.sum += val.item() * n`."),
        (
            "smoothed_loss",
            "Add the number: `avg_loss = 0.9 * avg_loss + 0.1 * loss.item()`.",
        ),
        (
            "moving_center",
            (
                "Cut the graph where the step is over: "
                "`self.center = self.center.detach()`."
            ),
        ),
        (
            "history_attribute",
            "Store the number: `self.history['train_loss'].append(loss.item())`.",
        ),
        (
            "forward_hook",
            (
                "Store the values without their graph: "
                "`activations.append(output.detach())`."
            ),
        ),
        (
            "inline_expression",
            (
                "Store the values without their graph: "
                "`embeddings.append(encoder(sample[:1]).detach())`."
            ),
        ),
        (
            "results_by_epoch",
            (
                "Store the values without their graph: `results[epoch] = {'error': "
                "error.detach(), 'prediction': prediction.detach()}`."
            ),
        ),
        ("closure", "Store the number: `loss.item()`, not `loss`."),
        ("replay_memory", "Store the number: `q.item()`, not `q`."),
        (
            "caught_errors",
            (
                "Store the text of the exception in place of the exception: its "
                "traceback holds the variables of the functions that it has left."
            ),
        ),
    ],
)
def test_the_remedy_is_the_users_own_line(name: str, remedy: str) -> None:
    assert told(name).remedy == remedy


@pytest.mark.parametrize(
    ("name", "who"),
    [
        (
            "replay_memory",
            "the deque `memory.memory` holds, in a Transition, their `q`",
        ),
        ("results_by_epoch", "the dict `results` holds their `prediction` "),
        ("closure", "the list `seen` holds their `loss` "),
        (
            "caught_errors",
            "the list `failures` holds, through the traceback of an exception, their ",
        ),
        ("inline_expression", "the list `embeddings` holds what "),
    ],
)
def test_the_holder_is_named_with_what_lies_between(name: str, who: str) -> None:
    assert f"are still alive: {who}" in told(name).explanation


def test_a_recording_in_a_file_tells_the_same(tmp_path: Path) -> None:
    traced = run_case("kept_losses_list")
    traced.tracing.save(tmp_path / "run.gscope")
    with gs.load(tmp_path / "run.gscope") as recording:
        assert recording.findings == traced.findings


def losses_kept(count: int) -> list[Trace]:
    def run() -> None:
        w = torch.ones(3, requires_grad=True)
        losses = []
        for _ in range(count):
            loss = (w * 2).sum()
            loss.backward()
            with torch.no_grad():
                w.sub_(0.1)
            w.grad = None
            losses.append(loss)

    return capture(run)


def ask(check: KeptCheck, traces: Sequence[Trace]) -> list[tuple[int, Finding]]:
    """Return what a check tells as it goes along, and in which steps."""
    return [
        (trace.step, finding)
        for trace in traces
        for finding in check.see(trace, Facts(trace.graph))
    ]


def test_many_are_told_while_the_run_goes_on_and_not_again_at_its_end() -> None:
    check, traces = KeptCheck(), losses_kept(40)
    ((step, finding),) = ask(check, traces)
    assert (step, finding.step) == (32, 32)
    assert "the graphs of steps 0 to 31 are still alive" in finding.explanation
    assert check.finish() == ()


def test_the_end_can_be_asked_for_again() -> None:
    check, traces = KeptCheck(), losses_kept(7)
    assert ask(check, traces[:5]) == []
    (early,) = check.finish()
    assert ask(check, traces[5:]) == []
    (late,) = check.finish()
    # in step 6 the function ends, and with it its list
    assert (early.step, late.step) == (4, 5)
    assert check.finish() == (late,)


def test_two_graphs_are_nothing_to_speak_of() -> None:
    check = KeptCheck()
    assert ask(check, losses_kept(3)) == []
    assert check.finish() == ()


def test_without_the_steps_themselves_it_says_that_sizes_are_not_known() -> None:
    check, traces = KeptCheck(), losses_kept(12)
    ask(check, traces[10:])
    (found,) = check.finish()
    assert found.unknown == (
        (
            "Cannot tell how much they keep because the steps that made them are not "
            "in the recording, or too long ago."
        ),
    )
    assert "autograd node" not in found.explanation


def unheld(count: int, hold: Hold) -> Trace:
    site = Site("/t.py", 3, 3, 4, 9, "<module>", "f(x)")
    steps = tuple(range(8))
    kept = KeptGraph("loss", site, count, steps, steps, count - 1, hold)
    return Trace(Graph(), step=count, kept=(kept,), sources={"/t.py": "pass"})


def test_where_nobody_was_found_it_says_so_and_only_of_many() -> None:
    few, many = KeptCheck(), KeptCheck()
    ask(few, [unheld(29, Hold.OTHER)])
    assert few.finish() == ()
    ask(many, [unheld(30, Hold.OTHER)])
    (found,) = many.finish()
    assert found.title == "The graphs of `loss` stay alive"
    assert found.explanation == (
        "At the end of step 30 the graphs of steps 0 to 29 are still alive: those of "
        "`loss` (t.py:3)."
    )
    assert found.unknown == (
        (
            "Cannot tell who holds them because none of the variables of the running "
            "functions and their modules leads to them."
        ),
    )


def test_a_line_in_a_module_that_runs_no_op_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics_of_a_test.py").write_text(
        "HISTORY = []\n\n\ndef record(value):\n    HISTORY.append(value)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import metrics_of_a_test as metrics  # type: ignore[import-not-found]

    # A script has neither the frames of pytest around it nor 700 modules of tests.
    monkeypatch.setattr(holders, "user_frames", lambda *a: user_frames(*a)[:1])
    monkeypatch.setattr(holders, "_MOST_OPENED", 10**9)
    monkeypatch.setattr(holders, "_MOST_SEEN", 10**9)
    monkeypatch.setattr(holders, "_LONGEST_S", 5.0)

    w = torch.ones(2, requires_grad=True)
    with gs.trace() as tracing:
        for _ in range(6):
            loss = w.sum()
            loss.backward()
            with torch.no_grad():
                w.sub_(0.1)
            w.grad = None
            metrics.record(loss)
    (found,) = (one for one in tracing.findings if one.kind == "kept-graph")
    assert found.site is not None
    assert (found.site.short, found.remedy) == (
        "metrics_of_a_test.py:5",
        "Store the number: `HISTORY.append(value.item())`.",
    )
    linecache.clearcache()
