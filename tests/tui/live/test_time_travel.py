"""Looking at the past while training stands still or runs, and coming back."""

from graphscope.debugger.verbs import Command, Verb
from tests.tui.live.driving import badge, inspects, live, shows, until
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import screen_text


async def test_the_badge_says_how_far_the_past_is_and_a_dot_comes_back(
    training: FakeTraining,
) -> None:
    training.pause(7, 1, reason="breakpoint 1: z if step == 7")
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("P", "P", "P", "P")
        await shows(pilot, "PAST · step 3, now is step 7")
        assert badge(app).startswith("⏸ paused · breakpoint 1")
        assert "step 3/7 · event 2/12" in screen_text(app)

        await pilot.press("full_stop")
        await shows(pilot, "NOW")
        assert "step 7/7 · event 2/2…" in screen_text(app)
        assert training.commands == []


async def test_in_the_same_step_the_past_is_an_earlier_event(
    training: FakeTraining,
) -> None:
    training.pause(0, 2)
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("p", "p")
        await shows(pilot, "PAST · event 1, now is event 3")
        await pilot.press("n", "n")
        await shows(pilot, "NOW")


async def test_the_past_is_told_without_colour_too(training: FakeTraining) -> None:
    training.pause(1, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        now = app.query_one("#state").render_line(0)
        await pilot.press("P")
        await shows(pilot, "PAST")
        past = app.query_one("#state").render_line(0)

    def background(strip: object) -> set[object]:
        return {s.style.bgcolor for s in strip if s.style}  # type: ignore[attr-defined]

    assert background(now).isdisjoint(background(past))


async def test_a_verb_that_is_sent_from_the_past_comes_back_first(
    training: FakeTraining,
) -> None:
    training.pause(5, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("P", "P")
        await shows(pilot, "PAST")
        await pilot.press("space")
        await inspects(app, pilot, "a")

        assert badge(app).endswith("NOW")
        assert "step 5/5 · event 3/3…" in screen_text(app)


async def test_another_breakpoint_does_not_end_a_look_at_the_past(
    training: FakeTraining,
) -> None:
    training.pause(5, 1)
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("P", "P")
        await shows(pilot, "PAST · step 3, now is step 5")
        training.tell(problem="told again")
        await shows(pilot, "told again")

        assert "PAST · step 3, now is step 5" in screen_text(pilot.app)  # type: ignore[arg-type]


async def test_who_looks_at_the_past_while_it_runs_stays_there_until_a_pause(
    training: FakeTraining,
) -> None:
    training.run_to(4)
    async with live(training) as (app, pilot):
        await shows(pilot, "step 3/3")
        await pilot.press("P")
        await shows(pilot, "PAST · step 2, now is step 4")
        training.run_to(8)
        await shows(pilot, "PAST · step 2, now is step 8")
        assert "step 2/7" in screen_text(app)

        training.pause(9, 1)
        await shows(pilot, "step 9/9 · event 2/2…")
        assert badge(app).endswith("NOW")


async def test_run_to_here_is_for_the_next_step_when_it_is_behind(
    training: FakeTraining,
) -> None:
    training.pause(5, 2)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("P", "p")
        await inspects(app, pilot, "z")
        await pilot.press("R")
        await until(pilot, lambda: bool(training.commands))

        text = "var:z if step > 5"
        assert training.commands == [Command(Verb.RUN_UNTIL, seat=0, text=text)]


async def test_run_to_here_is_for_this_step_when_it_is_still_ahead(
    training: FakeTraining,
) -> None:
    training.pause(5, 0)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("P", "b", "n", "n")
        await inspects(app, pilot, "z")
        await pilot.press("R")
        await until(pilot, lambda: bool(training.commands))

        # the value z is made first, its gradient arrives later in the step
        text = "var:z hit 2"
        assert training.commands == [Command(Verb.RUN_UNTIL, seat=0, text=text)]
