"""The drawer with what the script prints."""

from pathlib import Path

from tests.tui.live.driving import live, shows, until
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import SMALL, pane, pane_lines, screen_text


async def test_the_log_follows_its_end_unless_one_has_scrolled_up(
    training: FakeTraining, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(50)), "utf-8")
    training.pause(0, 1)
    async with live(training, log=log, size=SMALL) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("L")
        await shows(pilot, "│line 49")
        with log.open("a", encoding="utf-8") as file:
            file.write("line 50\n")
        await shows(pilot, "│line 50")

        pane(app, "log").scroll_to(y=3, animate=False, force=True)
        await shows(pilot, "│line 3 ")
        with log.open("a", encoding="utf-8") as file:
            file.write("line 51\n")
        await until(pilot, lambda: pane_lines(app, "log")[-1] == "line 51")
        assert "│line 3 " in screen_text(app)

        await pilot.press("L")
        await until(pilot, lambda: "line" not in screen_text(app).replace("out", ""))


async def test_markup_and_control_sequences_in_the_log_are_text(
    training: FakeTraining, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("[@click=app.quit]x[/]\n\x1b[2J\x1b[31mred\x1b[0m \u202eevil\n")
    training.pause(0, 1)
    async with live(training, log=log) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("L")
        await shows(pilot, "│[@click=app.quit]x[/]")

        assert pane_lines(app, "log")[1] == "red \N{REPLACEMENT CHARACTER}evil"


async def test_without_a_file_it_says_where_the_output_is(
    training: FakeTraining,
) -> None:
    training.pause(0, 1)
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("L")
        await shows(pilot, "it goes to the terminal that the script was started in")
