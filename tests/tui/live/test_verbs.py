"""Each key of the debugger sends its command, and what comes of it is shown."""

import pytest

from graphscope.debugger.verbs import Command, Verb
from graphscope.tui.live.dialogs import Choice
from graphscope.tui.live.outcome import Outcome
from tests.tui.live.driving import badge, inspected, inspects, live, shows, until
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import screen_text


@pytest.mark.parametrize(
    ("key", "verb"),
    [
        ("space", Verb.STEP),
        ("o", Verb.OVER),
        ("O", Verb.OUT),
        ("h", Verb.NEXT_PHASE),
        ("S", Verb.NEXT_STEP),
        ("r", Verb.CONTINUE),
        ("z", Verb.PAUSE),
    ],
)
async def test_each_verb_has_a_key(
    training: FakeTraining, key: str, verb: Verb
) -> None:
    training.pause(1, 2)
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press(key)
        await until(pilot, lambda: bool(training.commands))

        assert training.commands == [Command(verb, seat=0)]


async def test_a_pause_shows_its_event_and_selects_its_node(
    training: FakeTraining,
) -> None:
    training.pause(3, 1, reason="breakpoint 2: z if step == 3")
    async with live(training) as (app, pilot):
        await shows(pilot, "⏸ paused")

        assert badge(app).startswith("⏸ paused · breakpoint 2: z if step == 3")
        assert badge(app).endswith("NOW")
        assert "step 3/3 · event 2/2… · 1 forward" in screen_text(app)
        assert "gradient   none yet in this step" in screen_text(app)
        assert inspected(app) == "z"


async def test_space_steps_through_the_events_and_the_view_follows(
    training: FakeTraining,
) -> None:
    training.pause(0, 0)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        for title in ("z", "a", "l"):
            await pilot.press("space")
            await inspects(app, pilot, title)
        await pilot.press("space", "space")  # zeroes, then the first node of backward
        await shows(pilot, "about to run: BinaryCross")

        assert badge(app).endswith("NOW")


async def test_while_it_runs_the_view_goes_along_and_stays_at_its_node(
    training: FakeTraining,
) -> None:
    training.pause(0, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "⏸ paused")
        training.run_to(4)
        await shows(pilot, "▶ running · step 4")
        await shows(pilot, "step 3/3 · event 12/12")
        training.run_to(7)
        await shows(pilot, "step 6/6 · event 12/12")

        assert badge(app).endswith("NOW")
        assert inspected(app) == "z"


async def test_a_refusal_is_told_in_the_words_of_the_process(
    training: FakeTraining,
) -> None:
    training.pause(0, 1)
    training.refusals[Verb.OUT] = "Not inside of a module: there is no end to run to."
    async with live(training) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("O")

        await shows(pilot, "Not inside of a module: there is no end to run to.")


async def test_t_asks_for_a_place_and_shows_what_is_wrong_with_it(
    training: FakeTraining,
) -> None:
    training.pause(2, 1)
    training.refusals[Verb.RUN_UNTIL] = "Something is missing.\n  b if\n      ^"
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("t", *"b if", "enter")
        await shows(pilot, "Something is missing.")
        lines = screen_text(app).splitlines()
        text = next(i for i, row in enumerate(lines) if "│   b if  " in row)
        assert lines[text].index("b if") + 4 == lines[text + 1].index("^")

        training.refusals.clear()
        await pilot.press(*" step == 4", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)

        text_sent = training.commands[-1]
        assert text_sent == Command(Verb.RUN_UNTIL, seat=0, text="b if step == 4")


async def test_ctrl_c_pauses_and_pressed_twice_asks_to_stop(
    training: FakeTraining,
) -> None:
    training.run_to(3)
    async with live(training) as (app, pilot):
        await shows(pilot, "▶ running")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: training.commands == [Command(Verb.PAUSE)])
        assert len(app.screen_stack) == 1

        await pilot.press("ctrl+c")
        assert isinstance(app.screen, Choice)
        await pilot.press("y")
        await until(pilot, lambda: training.commands[-1] == Command(Verb.STOP))

        training.end("stopped by the debugger")
        await shows(pilot, "■ stopped by the debugger")
        assert app.is_running


@pytest.mark.parametrize(
    ("keys", "sent", "outcome"),
    [
        (("q", "d"), Verb.DETACH, Outcome.DETACHED),
        (("q", "s"), Verb.STOP, Outcome.STOPPED),
        (("ctrl+q", "d"), Verb.DETACH, Outcome.DETACHED),
        (("D",), Verb.DETACH, Outcome.DETACHED),
    ],
)
async def test_leaving_training_that_runs_is_to_detach_or_to_stop_it(
    training: FakeTraining, keys: tuple[str, ...], sent: Verb, outcome: Outcome
) -> None:
    training.pause(0, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press(*keys)
        await until(pilot, lambda: not app.is_running)

    assert training.commands == [Command(sent)]
    assert app.outcome is outcome


async def test_q_and_escape_stay(training: FakeTraining) -> None:
    training.pause(0, 1)
    async with live(training) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("q")
        await shows(pilot, "The training is not over.")
        await pilot.press("escape")

        assert app.is_running
        assert training.commands == []


async def test_after_the_end_q_just_quits_and_verbs_say_that_it_is_over(
    training: FakeTraining,
) -> None:
    training.run_to(2)
    training.end()
    async with live(training) as (app, pilot):
        await shows(pilot, "■ ended: exit code 0")
        await pilot.press("space")
        await shows(pilot, "The training has ended: nothing is left to run.")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)

    assert training.commands == []
    assert app.outcome is Outcome.ENDED


async def test_who_only_looks_is_told_so_and_leaves_without_a_question(
    training: FakeTraining,
) -> None:
    training.pause(0, 1)
    async with live(training, is_controller=False) as (app, pilot):
        await shows(pilot, "(another debugger has control)")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)

    assert app.outcome is Outcome.LEFT


async def test_who_looked_on_commands_when_the_other_debugger_has_gone(
    training: FakeTraining,
) -> None:
    training.pause(0, 1)
    async with live(training, is_controller=False) as (app, pilot):
        await shows(pilot, "(another debugger has control)")
        training.links[0].is_controller = True
        training.update()

        await until(pilot, lambda: "another debugger" not in badge(app))
