"""What the mouse does: click selects, drag pans, wheel scrolls."""

from dataclasses import replace

from textual.events import MouseScrollDown

from graphscope.model.trace import Trace
from tests.samples import logistic_trace
from tests.tui.screens import SMALL, logistic_app, open_app, pane, running, settle


def long_source(trace: Trace) -> Trace:
    (file, text), *_ = trace.sources.items()
    more = "\n".join(f"after_{i} = {'x' * 200}" for i in range(200))
    return replace(trace, sources={file: f"{text}\n{more}"})


async def test_a_click_selects_the_node_of_a_row() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await pilot.click("#graph", offset=(12, 6))  # border, then rows from y = 1
        await settle(pilot)

        assert str(pane(app, "inspector").border_title) == "a"
        assert app.position.event == 0


async def test_a_click_selects_a_box() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await pilot.press("v")
        await settle(pilot)
        picture = pane(app, "graph").picture
        area = picture.area_of(4)
        assert area is not None
        scroll = pane(app, "graph").scroll_offset
        x, y = area.x + 3 - scroll.x, area.y + 1 - scroll.y
        await pilot.click("#graph", offset=(x + 1, y + 1))
        await settle(pilot)

        assert str(pane(app, "inspector").border_title) == "z"


async def test_a_click_on_a_source_line_selects_what_is_made_there() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        scroll = pane(app, "source").scroll_offset.y
        await pilot.click("#source", offset=(12, 13 - scroll))  # line 13 is row 12
        await settle(pilot)

        assert str(pane(app, "inspector").border_title) == "z"


async def test_a_click_beside_the_nodes_changes_nothing() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        before = app.position
        await pilot.click("#graph", offset=(12, 20))
        await settle(pilot)

        assert app.position == before


async def test_a_drag_pans_and_selects_nothing() -> None:
    app = open_app([long_source(logistic_trace())])
    async with running(app, SMALL) as pilot:
        source = pane(app, "source")
        source.scroll_to(5, 50, animate=False)
        before = app.position
        await pilot.mouse_down("#source", offset=(20, 6))
        await pilot.hover("#source", offset=(17, 2))
        await pilot.mouse_up("#source", offset=(17, 2))
        await settle(pilot)

        # 3 cells to the left and 4 up: the picture follows the mouse
        assert tuple(source.scroll_offset) == (8, 54)
        assert app.position == before


async def test_the_wheel_scrolls_the_pane_under_the_mouse() -> None:
    app = open_app([long_source(logistic_trace())])
    async with running(app, SMALL) as pilot:
        source = pane(app, "source")
        before = source.scroll_offset.y
        await pilot._post_mouse_events(
            [MouseScrollDown], "#source", offset=(5, 3), button=0
        )
        await settle(pilot)

        assert source.scroll_offset.y > before
        assert pane(app, "graph").scroll_offset.y == 0
