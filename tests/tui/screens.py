"""Recordings to open, and the screen as lines of text."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from graphscope.errors import RecordingError, StepRangeError
from graphscope.model.trace import Trace
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.canvas import Canvas
from graphscope.tui.feed import Feed
from graphscope.tui.navigation import NavigatingApp
from tests.samples import logistic_traces

SMALL, MEDIUM, LARGE = (80, 24), (120, 40), (200, 60)


class ListRecording:
    """A recording in memory; `damaged` steps cannot be read."""

    def __init__(self, traces: Sequence[Trace], damaged: Sequence[int] = ()) -> None:
        self.traces = list(traces)
        self.damaged = damaged

    @property
    def environment(self) -> Mapping[str, str]:
        return {}

    def __len__(self) -> int:
        return len(self.traces)

    def __getitem__(self, step: int) -> Trace:
        if step in self.damaged:
            raise RecordingError(f"Step {step} is damaged: its checksum is wrong.")
        if not 0 <= step < len(self.traces):
            raise StepRangeError(f"There is no step {step}.")
        return self.traces[step]

    def __iter__(self) -> Iterator[Trace]:
        return iter(self.traces)

    def losses(self) -> list[float | None]:
        return [trace.loss() for trace in self.traces]


def open_app(traces: Sequence[Trace], damaged: Sequence[int] = ()) -> GraphscopeApp:
    """Return the application over `traces`."""
    return GraphscopeApp(Feed(ListRecording(traces, damaged)), "logistic.py")


@asynccontextmanager
async def running(
    app: NavigatingApp, size: tuple[int, int] = MEDIUM
) -> AsyncIterator[Pilot[None]]:
    """Run `app` until its screen is complete, series over the steps included."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Wait for workers, for the messages that they sent, and for what those show."""
    app = pilot.app
    assert isinstance(app, NavigatingApp)
    await pilot.pause()
    while app.is_waiting and app.is_running:
        await pilot.pause()
    for worker in list(app.workers):
        with suppress(WorkerCancelled):
            await worker.wait()
    await pilot.pause()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys and wait until the screen shows what they did."""
    await pilot.press(*keys)
    await settle(pilot)


def first_events(trace: Trace, count: int) -> Trace:
    """Return a step that ended after `count` events."""
    graph = trace.graph
    slots = graph.events[count - 1].slots[1] if count else 0
    shorter = replace(graph, events=graph.events[:count], slots=graph.slots[:slots])
    return replace(trace, graph=shorter, observations=trace.observations[:slots])


def logistic_app(steps: int = 100) -> GraphscopeApp:
    """Return the application over a training of the logistic example."""
    return open_app(logistic_traces(steps))


def screen_lines(app: NavigatingApp) -> list[str]:
    """Return what the screen shows, one text for each line."""
    strips = app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips]


def screen_text(app: NavigatingApp) -> str:
    """Return the screen as one text."""
    return "\n".join(screen_lines(app))


def pane(app: NavigatingApp, name: str) -> Canvas:
    """Return one of the panes: graph, inspector, source."""
    return app.query_one(f"#{name}", Canvas)


def pane_lines(app: NavigatingApp, name: str) -> list[str]:
    """Return all lines of a pane, also those that are scrolled away."""
    picture = pane(app, name).picture
    return [picture.line_at(y).text.rstrip() for y in range(picture.height)]
