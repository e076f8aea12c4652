"""The list of breakpoints, adding them at what is shown, and keeping them."""

from pathlib import Path

import pytest

from graphscope.debugger.saved import (
    FOLDER_VARIABLE,
    Saved,
    SavedBreakpoint,
    load_saved,
    store_saved,
)
from graphscope.debugger.state import BreakpointState
from graphscope.debugger.verbs import Command, Verb
from graphscope.tui.live.list_drawer import ListDrawer
from tests.tui.live.driving import inspects, live, shows, until
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import pane_lines, screen_text

THREE = (
    BreakpointState(1, "var:b if step == 7", hits=2),
    BreakpointState(2, "fc9", problem="no step has had this name"),
    BreakpointState(4, "line:train.py:41", is_enabled=False, is_once=True, hits=1),
)


async def test_each_breakpoint_has_a_line_that_says_how_it_stands(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    training.update(breakpoints=THREE)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("B")
        await shows(pilot, "╭─ breakpoints")

        assert pane_lines(app, "breakpoints") == [
            " ●  1  var:b if step == 7  hit 2 times",
            " ●  2  fc9                 not hit yet  no step has had this name",
            " ○  4  line:train.py:41    hit once  goes away when hit  off",
        ]
        training.update(breakpoints=THREE[:1])
        await until(pilot, lambda: len(pane_lines(app, "breakpoints")) == 1)


async def test_in_the_list_keys_switch_and_remove_the_chosen_one(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    training.update(breakpoints=THREE)
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("B", "e", "down", "d", "down", "down", "e")
        await until(pilot, lambda: len(training.commands) == 3)

        assert training.commands == [
            Command(Verb.DISABLE, number=1),
            Command(Verb.REMOVE, number=2),
            Command(Verb.ENABLE, number=4),
        ]


async def test_space_steps_also_while_the_list_has_the_keys(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    training.update(breakpoints=THREE)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("B", "space")
        await inspects(app, pilot, "a")
        assert isinstance(app.focused, ListDrawer)

        await pilot.press("escape")
        await until(pilot, lambda: "╭─ breakpoints" not in screen_text(app))
        assert app.focused is app.query_one("#graph")


async def test_enter_goes_to_where_the_chosen_one_would_pause(
    training: FakeTraining,
) -> None:
    training.pause(5, 3)
    training.update(breakpoints=(BreakpointState(1, "var:z if step == 5"),))
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("B", "enter")
        await shows(pilot, "PAST · event 2, now is event 4")
        await inspects(app, pilot, "z")

        await pilot.press("P")
        await shows(pilot, "step 4/5")
        await pilot.press("enter")
        await shows(pilot, "It would not pause in step 4.")


async def test_a_adds_one_at_the_selected_node_with_its_name_written_already(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("a", *" if z > 3", "enter")
        await until(pilot, lambda: bool(training.commands))
        await until(pilot, lambda: len(app.screen_stack) == 1)

        assert training.commands == [Command(Verb.ADD, text="var:z if z > 3")]


async def test_a_whole_breakpoint_replaces_the_name_that_is_written_already(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("a", *"b if z > 3", "enter")
        await until(pilot, lambda: bool(training.commands))

        assert training.commands == [Command(Verb.ADD, text="b if z > 3")]


async def test_a_name_that_nothing_has_is_told_with_a_caret_and_taken_when_asked_twice(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("a", *" if zz > 3", "enter")
        await shows(pilot, "No value is named 'zz'. Nearest:")
        lines = screen_text(app).splitlines()
        row = next(i for i, text in enumerate(lines) if "│   var:z if zz > 3" in text)
        assert lines[row].index("zz") == lines[row + 1].index("^")
        assert training.commands == []

        await pilot.press("enter")
        await until(pilot, lambda: bool(training.commands))
        assert training.commands == [Command(Verb.ADD, text="var:z if zz > 3")]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "train.py"


async def test_breakpoints_are_kept_for_the_script_without_those_that_go_away(
    training: FakeTraining, script: Path
) -> None:
    training.pause(2, 1)
    async with live(training, script=script) as (_, pilot):
        await shows(pilot, "NOW")
        training.update(breakpoints=THREE)
        await until(pilot, lambda: len(load_saved(script).breakpoints) == 2)

    assert load_saved(script).breakpoints == (
        SavedBreakpoint("var:b if step == 7"),
        SavedBreakpoint("fc9"),
    )


async def test_what_was_kept_and_the_process_does_not_have_is_given_to_it(
    training: FakeTraining, script: Path
) -> None:
    kept = (SavedBreakpoint("var:b"), SavedBreakpoint("fc1", is_enabled=False))
    store_saved(script, Saved(kept))
    training.pause(2, 1)
    training.update(breakpoints=(BreakpointState(1, "var:b"),))
    async with live(training, script=script) as (_, pilot):
        await until(pilot, lambda: len(training.commands) == 2)

        assert training.commands == [
            Command(Verb.ADD, text="fc1"),
            Command(Verb.DISABLE, number=2),
        ]
    assert load_saved(script).breakpoints == kept
