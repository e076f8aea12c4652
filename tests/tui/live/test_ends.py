"""How it ends: by itself, with an exception, too early, or with a lost connection."""

from dataclasses import replace
from pathlib import Path

import pytest

from graphscope.debugger.state import Activity
from graphscope.model.graph import Argument, Event, EventKind, Op, OpKind, Phase
from graphscope.model.trace import Status, Trace
from graphscope.tui.live.app import LiveApp
from tests.drafts import cut_short
from tests.samples import logistic_trace, site
from tests.tui.live.driving import badge, inspected, live, shows, until, vanish
from tests.tui.live.fakes import FakeChild, FakeSource, FakeTraining
from tests.tui.screens import open_app, pane_lines, running, screen_text

ERROR = "ValueError: all elements of input should be between 0 and 1"


def raised(step: int) -> Trace:
    """Return a step whose loss raised: what was about to run is its last op."""
    trace = cut_short(logistic_trace(step), 3)
    graph = trace.graph
    call = Op(
        3,
        "binary_cross_entropy",
        "torch.nn.functional.binary_cross_entropy",
        OpKind.GAP,
        (
            Argument("", 5, "a"),
            Argument("target", 0, "x_1"),
            Argument("size", None, "3"),
        ),
        (),
        site=site(15, "F.binary_cross_entropy(a, y)"),
        note=f"raised {ERROR}",
    )
    end = len(graph.slots)
    event = Event(
        3, EventKind.OP, Phase.FORWARD, 0, op=3, slots=(end, end), site=call.site
    )
    longer = replace(graph, ops=(*graph.ops, call), events=(*graph.events, event))
    return replace(trace, graph=longer, status=Status.ABORTED, error=ERROR)


async def test_after_an_exception_the_call_that_raised_is_shown_with_its_arguments(
    training: FakeTraining,
) -> None:
    training.run_to(4)
    async with live(training) as (app, pilot):
        await shows(pilot, "▶ running")
        training.end(ERROR, last=raised(4))
        await shows(pilot, f"✗ ended: {ERROR}")
        await until(pilot, lambda: inspected(app) == "binary_cross_entropy")

        assert "step 4/4 · event 4/4" in screen_text(app)
        assert pane_lines(app, "inspector")[:8] == [
            "F.binary_cross_entropy(a, y)",
            "raised ValueError: all elements of input should be",
            "between 0 and 1",
            "it was given",
            "  a              f32[1]         0.8699",
            "  target=x_1     f32[1]         3.7",
            "  size           3",
            "operator   torch.nn.functional.binary_cross_entropy",
        ]
        await shows(pilot, "L shows its")


async def test_the_thread_that_has_ended_is_shown_before_it_is_known_why(
    training: FakeTraining,
) -> None:
    training.run_to(4)
    async with live(training) as (app, pilot):
        await shows(pilot, "▶ running")
        await until(pilot, lambda: "step 3/3" in screen_text(app))
        training.write_last(raised(4))
        training.tell(activity=Activity.ENDED)
        await until(pilot, lambda: "step 4/4 · event 4/4" in screen_text(app))
        training.update(ending=ERROR, is_failed=True)
        await until(pilot, lambda: inspected(app) == "binary_cross_entropy")

        assert "step 4/4 · event 4/4" in screen_text(app)


async def test_a_finished_recording_that_was_aborted_opens_there_too() -> None:
    app = open_app([logistic_trace(0), raised(1)])
    async with running(app):
        assert f"✗ ended: {ERROR}" in screen_text(app)
        assert "step 1/1 · event 4/4" in screen_text(app)


async def test_a_recording_that_was_stopped_at_a_condition_opens_there() -> None:
    draft = cut_short(logistic_trace(1), 2)
    stopped = replace(draft, error="stopped: has_nan")
    app = open_app([logistic_trace(0), stopped])
    async with running(app):
        assert "■ stopped: has_nan" in screen_text(app)
        assert "step 1/1 · event 2/2…" in screen_text(app)


async def test_a_killed_script_is_told_by_its_child_and_all_stays_readable(
    training: FakeTraining,
) -> None:
    child = FakeChild()
    training.run_to(4)
    async with live(training, child=child) as (app, pilot):
        await shows(pilot, "▶ running")
        vanish(app, training, "the other end has closed the connection")
        child.code = -9
        await shows(pilot, "✗ ended: exit code -9")
        await shows(pilot, "step 3/3")
        await pilot.press("P")

        await shows(pilot, "step 2/3")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the script has ended", "✗ ended: exit code 3"),
        ("stopped: has_nan", "■ stopped: has_nan"),
    ],
)
async def test_the_exit_code_is_told_unless_the_script_has_said_more(
    training: FakeTraining, said: str, shown: str
) -> None:
    child = FakeChild()
    training.run_to(4)
    async with live(training, child=child) as (app, pilot):
        await shows(pilot, "▶ running")
        training.end(said)
        await shows(pilot, f"ended: {said}" if "stop" not in said else shown)
        vanish(app, training, "the other end has closed the connection")
        child.code = 3
        await until(pilot, lambda: not app.switchboard.connected)
        await until(pilot, lambda: child.told > 0)
        await shows(pilot, shown)


async def test_a_lost_connection_is_told_and_all_stays_readable(
    training: FakeTraining,
) -> None:
    training.pause(4, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        vanish(app, training, "the other end has closed the connection")
        await shows(pilot, "✗ connection lost: the other end has closed")
        await pilot.press("P", "space")
        await shows(pilot, "The connection is lost; what was recorded can be looked")

        assert "step 3/4" in screen_text(app)
        assert training.commands == []


async def test_a_connection_that_comes_back_is_taken_up_again(
    training: FakeTraining,
) -> None:
    training.pause(4, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        training.lose("the network was away")
        await until(pilot, lambda: bool(app.switchboard.connected))
        await until(pilot, lambda: badge(app).startswith("⏸ paused"))
        await pilot.press("space")
        await until(pilot, lambda: bool(training.commands))


async def test_a_script_that_ends_before_it_was_connected_to_shows_its_output(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.write_text("Traceback (most recent call last):\nSyntaxError: oops\n", "utf-8")
    child = FakeChild()
    app = LiveApp(FakeSource([]), title="train.py", child=child, log=log)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "◌ starting train.py …")
        child.code = 1
        await shows(pilot, "✗ ended: exit code 1")
        await shows(pilot, "SyntaxError: oops")
        await shows(pilot, "The script has ended without an operation")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_a_process_that_appears_later_is_found(training: FakeTraining) -> None:
    source = FakeSource([])
    app = LiveApp(source, title="train.py", child=FakeChild())
    training.pause(0, 1)
    async with app.run_test(size=(120, 40)) as pilot:
        await shows(pilot, "Starting train.py …")
        source.trainings.append(training)
        await shows(pilot, "⏸ paused")
        assert inspected(app) == "z"
