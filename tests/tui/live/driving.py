"""Opening the live UI over fakes, and waiting for what it shows."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from textual.pilot import Pilot

from graphscope.tui.live.app import LiveApp
from tests.tui.live.fakes import FakeSource, FakeTraining
from tests.tui.screens import MEDIUM, pane, screen_lines, screen_text

DEADLINE_S = 30.0
_SCROLLBAR = re.compile("[▁-█](?=│)")


@asynccontextmanager
async def live(
    *trainings: FakeTraining, size: tuple[int, int] = MEDIUM, **options: object
) -> AsyncIterator[tuple[LiveApp, Pilot[None]]]:
    """Run the live UI over `trainings` until it shows what they tell."""
    is_controller = bool(options.pop("is_controller", True))
    source = FakeSource(trainings, is_controller=is_controller)
    app = LiveApp(source, title="train.py", **options)  # type: ignore[arg-type]
    async with running_live(app, size) as pilot:
        yield app, pilot


@asynccontextmanager
async def running_live(
    app: LiveApp, size: tuple[int, int] = MEDIUM
) -> AsyncIterator[Pilot[None]]:
    """Run `app`."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: len(app.roster.processes) > 0 or not app.is_running)
        yield pilot


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    """Wait until something is so, and say what the screen shows when it never is."""
    end = monotonic() + DEADLINE_S
    while not is_so():
        assert monotonic() < end, f"\n{screen_text(pilot.app)}"  # type: ignore[arg-type]
        await pilot.pause(0.01)
    await pilot.pause()


async def shows(pilot: Pilot[None], text: str) -> None:
    """Wait until the screen shows `text`."""
    await until(pilot, lambda: text in screen_text(pilot.app))  # type: ignore[arg-type]


def vanish(app: LiveApp, training: FakeTraining, reason: str) -> None:
    """Break the connection to a process that nobody finds again."""
    source = app.switchboard._source
    assert isinstance(source, FakeSource)
    source.trainings.remove(training)
    training.lose(reason)


def badge(app: LiveApp) -> str:
    """Return the line that says what the training does."""
    return screen_lines(app)[1].strip()


def inspected(app: LiveApp) -> str:
    """Return what the inspector is about."""
    return str(pane(app, "inspector").border_title)


async def inspects(app: LiveApp, pilot: Pilot[None], name: str) -> None:
    """Wait until the inspector is about the node `name`."""
    await until(pilot, lambda: inspected(app) == name)


async def looks(app: LiveApp, pilot: Pilot[None], screen: str) -> None:
    """Wait until the whole screen is as expected, and say how it differs if never.

    Scrollbars are left out: where exactly one ends depends on how one came there.
    """
    end = monotonic() + DEADLINE_S
    wanted = _SCROLLBAR.sub(" ", screen)
    while _SCROLLBAR.sub(" ", screen_text(app)) != wanted and monotonic() < end:
        await pilot.pause(0.01)
    assert _SCROLLBAR.sub(" ", screen_text(app)) == wanted
