"""Watched expressions: what they come to where one looks, and over the steps."""

from pathlib import Path

import pytest

from graphscope.debugger.saved import FOLDER_VARIABLE, Saved, load_saved, store_saved
from tests.tui.live.driving import inspects, live, shows, until
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import pane_lines, screen_text


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "train.py"


async def test_a_watch_shows_its_number_here_and_its_curve_over_the_steps(
    training: FakeTraining, script: Path
) -> None:
    training.pause(4, 1)
    async with live(training, script=script) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("W", "a", "ctrl+u", *"z * 2", "enter")
        # 2 z; z falls from step to step no more than it rises: 1.9 in step 0
        await until(pilot, lambda: "█" in pane_lines(app, "watches")[0])
        assert pane_lines(app, "watches") == [
            " z * 2             5.0309       ▁▃▅▇█",
        ]

        await pilot.press("P", "P", "P", "P")
        await until(pilot, lambda: "3.8" in pane_lines(app, "watches")[0])
        assert load_saved(script).watches == ("z * 2",)

        await pilot.press("d")
        await until(pilot, lambda: load_saved(script) == Saved())
        assert "Nothing is watched" in pane_lines(app, "watches")[0]


async def test_what_was_kept_is_watched_again(
    training: FakeTraining, script: Path
) -> None:
    store_saved(script, Saved(watches=("loss", "b.grad")))
    training.pause(4, 1)
    async with live(training, script=script) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("W")
        await until(pilot, lambda: len(pane_lines(app, "watches")) == 2)

        assert [row.split()[0] for row in pane_lines(app, "watches")] == [
            "loss",
            "b.grad",
        ]


async def test_watches_follow_every_step(training: FakeTraining) -> None:
    training.pause(4, 0)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("W", "a", "ctrl+u", "z", "enter")
        await until(pilot, lambda: "–" in pane_lines(app, "watches")[0])
        await pilot.press("escape", "W", "space")
        await inspects(app, pilot, "z")

        await until(pilot, lambda: "2.5154" in pane_lines(app, "watches")[0])


async def test_a_name_that_no_step_has_is_told_where_it_comes_to_nothing(
    training: FakeTraining, script: Path
) -> None:
    store_saved(script, Saved(watches=("lss",)))
    training.pause(4, 1)
    async with live(training, script=script) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("W")
        told = "No value is named 'lss'. Nearest: loss"
        await until(pilot, lambda: told in pane_lines(app, "watches")[0])


async def test_a_mistake_is_told_with_a_caret(training: FakeTraining) -> None:
    training.pause(4, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("W", "a", "ctrl+u", *"z.l3", "enter")
        await until(pilot, lambda: "^" in screen_text(app))
        await pilot.press("ctrl+u", *"zzz", "enter")
        await shows(pilot, "No value is named 'zzz'. Nearest:")
        await pilot.press("escape")

        assert "Nothing is watched" in pane_lines(app, "watches")[0]
