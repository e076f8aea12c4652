"""Recordings that are empty, damaged, huge or hostile."""

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from graphscope.model.graph import Graph, Op
from graphscope.model.site import Site
from graphscope.model.trace import Trace
from tests.samples import logistic_trace, logistic_traces
from tests.tui.screens import (
    SMALL,
    first_events,
    open_app,
    pane,
    pane_lines,
    press,
    running,
    screen_lines,
    screen_text,
)

HOSTILE = [
    "[@click=app.quit]x[/]",
    "[/]",
    "[/bold][",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31m",
    "a\nb\r\tc",
    "\u202etxt.exe",
    "$text $(id) {x} %s \\",
    "n" * 500,
    "重み付き平均",
    "e\u0301" * 20,
    "",
]
FORBIDDEN = set("\x1b\x07\x9b\r\t\u202e")
EVERY_KEY = ("n", "v", "s", "b", "v", "N", "end", "u", "down", "p", "P", "home", "s")


def hostile_site(site: Site | None, text: str) -> Site | None:
    if site is None:
        return None
    return replace(site, file=text, expression=text, function=text)


def hostile_op(op: Op, text: str) -> Op:
    return replace(
        op,
        name=text,
        target=text,
        scope=text,
        cut=text,
        site=hostile_site(op.site, text),
        arguments=tuple(replace(a, name=text, text=text) for a in op.arguments),
    )


def hostile_graph(graph: Graph, text: str) -> Graph:
    values = (
        replace(v, name=text, note=text, device=text, site=hostile_site(v.site, text))
        for v in graph.values
    )
    events = (
        replace(e, label=text, site=hostile_site(e.site, text)) for e in graph.events
    )
    return replace(
        graph,
        values=tuple(values),
        ops=tuple(hostile_op(op, text) for op in graph.ops),
        grad_nodes=tuple(replace(n, name=text) for n in graph.grad_nodes),
        events=tuple(events),
        slots=tuple(replace(s, label=text) for s in graph.slots),
    )


def hostile_trace(step: int, text: str) -> Trace:
    trace = logistic_trace(step)
    source = "\n".join([text] * 30)
    return replace(
        trace, graph=hostile_graph(trace.graph, text), sources={text: source}
    )


@pytest.mark.parametrize("text", HOSTILE)
async def test_text_from_a_recording_is_shown_as_text_in_every_pane(text: str) -> None:
    app = open_app([hostile_trace(step, text) for step in range(3)])
    app.session._title = text
    async with running(app, SMALL) as pilot:
        for keys in (EVERY_KEY[:2], EVERY_KEY[2:5], EVERY_KEY[5:]):
            await press(pilot, *keys)
            assert not FORBIDDEN & set(screen_text(app))
            assert all(cell_len(line) <= SMALL[0] for line in screen_lines(app))
        assert app.is_running


@pytest.mark.parametrize("text", HOSTILE[:5])
async def test_search_palette_and_messages_show_text_as_text(text: str) -> None:
    app = open_app([hostile_trace(step, text) for step in range(2)])
    async with running(app, SMALL) as pilot:
        await press(pilot, "slash")
        app.screen.query_one(Input).value = "no such name"
        await press(pilot, "escape", "ctrl+p")
        app.screen.query_one(Input).value = "go to node"
        await press(pilot, "escape")
        app.say(text, is_error=True)
        await press(pilot, "e")
        app.screen.query_one(Input).value = f"/nowhere/{text}.svg"
        await press(pilot, "enter")

        assert not FORBIDDEN & set(screen_text(app))
        assert app.is_running


async def test_markup_in_a_name_is_readable_and_does_nothing_when_clicked() -> None:
    app = open_app([hostile_trace(0, "[@click=app.quit]x[/]")])
    async with running(app) as pilot:
        assert "[@click=app.quit]" in pane_lines(app, "inspector")[0]
        await pilot.click("#inspector", offset=(3, 1))
        await pilot.click("#inspector", offset=(5, 0))
        await pilot.pause()

        assert app.is_running


async def test_an_empty_recording_opens_and_every_key_is_safe() -> None:
    app = open_app([])
    async with running(app, SMALL) as pilot:
        assert "The recording has no steps." in screen_text(app)
        more = ("e", "slash", "escape", "g", "escape", "question_mark")
        await press(pilot, *EVERY_KEY, *more)
        assert app.is_running


async def test_a_step_without_events_and_one_with_one_event_open() -> None:
    trace = logistic_trace()
    bare = Trace(Graph())
    app = open_app([bare, first_events(trace, 1), replace(bare, step=2)])
    async with running(app, SMALL) as pilot:
        assert "Nothing ran in this step." in screen_text(app)
        assert "this step has no events" in screen_text(app)
        await press(pilot, *EVERY_KEY)
        await press(pilot, "g", "1", "enter")
        assert "step 1/2 · event 1/1" in screen_lines(app)[0]


async def test_a_damaged_step_says_so_and_can_be_passed() -> None:
    app = open_app(logistic_traces(3), damaged=[1])
    async with running(app, SMALL) as pilot:
        await press(pilot, "N")
        assert "Step 1 is damaged: its checksum is wrong." in screen_text(app)
        assert "step 1/2" in screen_lines(app)[0]
        await press(pilot, "v", "s", "b", "down", "slash", "escape", "e")

        await press(pilot, "N")
        assert "step 2/2 · event 1/12" in screen_lines(app)[0]
        await press(pilot, "P", "p")
        assert "step 0/2 · event 12/12" in screen_lines(app)[0]


async def test_source_that_is_not_in_the_recording_is_not_looked_for() -> None:
    app = open_app([replace(logistic_trace(), sources={})])
    async with running(app):
        assert "The text of logistic.py:12 is not in the recording." in " ".join(
            pane_lines(app, "source")
        )


async def test_a_line_beyond_the_end_of_the_source_is_no_error() -> None:
    trace = logistic_trace()
    (file, _), *_ = trace.sources.items()
    app = open_app([replace(trace, sources={file: "short = 1"})])
    async with running(app) as pilot:
        await press(pilot, "b", "n", "end")
        assert pane_lines(app, "source")[0].strip() == "1 short = 1"


async def test_a_step_of_other_structure_keeps_the_selection_by_name() -> None:
    whole = logistic_trace(0)
    graph = whole.graph
    swapped = replace(
        graph, values=(replace(graph.values[0], name="w_1"), *graph.values[1:])
    )
    app = open_app([whole, replace(whole, step=1, graph=swapped)])
    async with running(app) as pilot:
        await press(pilot, "slash", "z", "enter", "N")
        assert str(pane(app, "inspector").border_title) == "z"

        await press(pilot, "P", "slash", "x", "underscore", "1", "enter", "N")
        assert app.position.selection is None
