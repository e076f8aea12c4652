"""Several processes and threads: each has its line, its recording and its place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from graphscope.debugger.state import Activity, SeatState
from graphscope.debugger.verbs import Command, Verb
from graphscope.tui.live.app import LiveApp
from tests.tui.live.driving import badge, inspects, live, shows, until
from tests.tui.live.fakes import FakeSource, FakeTraining
from tests.tui.screens import SMALL, screen_lines, screen_text


@pytest.fixture
def ranks(tmp_path: Path) -> Iterator[list[FakeTraining]]:
    """Return two processes that train together."""
    made = [
        FakeTraining(tmp_path / f"rank{n}.gscope", pid=100 + n, rank=f"{n} of 2")
        for n in range(2)
    ]
    yield made
    for training in made:
        training.close()


async def test_each_process_has_a_line_and_the_one_that_waits_says_for_what(
    ranks: list[FakeTraining],
) -> None:
    first, second = ranks
    first.pause(3, 1, reason="breakpoint 1: z")
    second.run_to(3)
    second.tell(activity=Activity.WAITING, waits_in="all_reduce · train.py:41")
    async with live(*ranks) as (app, pilot):
        await until(pilot, lambda: len(app.roster.seats) == 2)
        await shows(pilot, "waits in all_reduce")

        waits = "◷ waits in all_reduce · train.py:41 · rank 0 of 2 is paused"
        assert screen_lines(app)[2:4] == [
            " ▸ 1 rank 0 of 2 · ⏸ paused · breakpoint 1: z",
            f"   2 rank 1 of 2 · {waits}",
        ]
        await pilot.press("x")
        await until(pilot, lambda: badge(app).startswith("◷ waits in all_reduce"))
        assert "rank 0 of 2 is paused" in badge(app)


async def test_each_keeps_its_place_and_commands_go_to_the_one_on_the_screen(
    ranks: list[FakeTraining],
) -> None:
    first, second = ranks
    first.pause(3, 1)
    second.pause(5, 2)
    async with live(*ranks) as (app, pilot):
        await until(pilot, lambda: len(app.roster.seats) == 2)
        await shows(pilot, "NOW")
        await pilot.press("P", "P")
        await shows(pilot, "PAST · step 1, now is step 3")
        await pilot.press("2")
        await shows(pilot, "step 5/5")
        await inspects(app, pilot, "a")
        await pilot.press("space")
        await inspects(app, pilot, "l")
        await pilot.press("1")
        await shows(pilot, "PAST · step 1, now is step 3")

        assert first.commands == []
        assert second.commands == [Command(Verb.STEP, seat=0)]
        await pilot.press("7")
        await shows(pilot, "There is no thread 7.")


async def test_continue_all_and_ctrl_c_reach_every_process(
    ranks: list[FakeTraining],
) -> None:
    for training in ranks:
        training.pause(1, 1)
    async with live(*ranks) as (app, pilot):
        await until(pilot, lambda: len(app.roster.seats) == 2)
        await pilot.press("A")
        await until(pilot, lambda: all(len(t.commands) == 1 for t in ranks))
        await until(pilot, lambda: not any(s.is_paused for s in app.roster.seats))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: all(len(t.commands) == 2 for t in ranks))

    sent = [Command(Verb.CONTINUE), Command(Verb.PAUSE)]
    assert [training.commands for training in ranks] == [sent, sent]


async def test_a_breakpoint_is_added_in_all_processes(
    ranks: list[FakeTraining],
) -> None:
    for training in ranks:
        training.pause(1, 1)
    async with live(*ranks) as (app, pilot):
        await until(pilot, lambda: len(app.roster.seats) == 2)
        await pilot.press("a", "enter")
        await until(pilot, lambda: all(t.commands for t in ranks))

    added = [Command(Verb.ADD, text="var:z")]
    assert [training.commands for training in ranks] == [added, added]


async def test_a_rank_that_comes_later_is_listed(ranks: list[FakeTraining]) -> None:
    first, second = ranks
    first.pause(1, 1)
    second.pause(2, 1)
    source = FakeSource([first])
    app = LiveApp(source, title="train.py")
    async with app.run_test(size=SMALL) as pilot:
        await shows(pilot, "⏸ paused")
        assert "rank 1 of 2" not in screen_text(app)
        source.trainings.append(second)
        await shows(pilot, "   2 rank 1 of 2 · ⏸ paused")


async def test_a_second_thread_of_a_process_is_a_seat_of_its_own(
    training: FakeTraining, tmp_path: Path
) -> None:
    other = FakeTraining(tmp_path / "thread.gscope", thread="evaluation")
    other.pause(2, 2, reason="breakpoint 3: a")
    training.run_to(4)
    seat = SeatState(1, "evaluation", str(other.path), Activity.PAUSED, 2, 2)
    async with live(training) as (app, pilot):
        await shows(pilot, "▶ running")
        training.update(seats=(training.seat, seat))
        await shows(pilot, "   2 evaluation · ⏸ paused")
        await pilot.press("2")
        await inspects(app, pilot, "a")
        await pilot.press("r")
        await until(pilot, lambda: bool(training.commands))

        assert training.commands == [Command(Verb.CONTINUE, seat=1)]
    other.close()


async def test_a_thread_that_trains_nothing_gives_way_to_the_first_that_is_held(
    ranks: list[FakeTraining],
) -> None:
    second = ranks[1]
    async with live(*ranks) as (app, pilot):
        await until(pilot, lambda: len(app.roster.seats) == 2)
        second.pause(3, 1)
        await shows(pilot, "▸ 2 rank 1 of 2 · ⏸ paused")

        await pilot.press("1")
        await shows(pilot, "▸ 1 rank 0 of 2")
        second.pause(3, 2, reason="breakpoint 1: a")
        await shows(pilot, "   2 rank 1 of 2 · ⏸ paused · breakpoint 1: a")
        assert "▸ 1 rank 0 of 2" in screen_text(app)
