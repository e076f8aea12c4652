# ruff: noqa: E501 - screens are as wide as they are
"""The list of findings: what it shows, where it leads, and how it is come by."""

from dataclasses import replace

import pytest
import torch
from textual.widgets import OptionList

from graphscope.model.trace import Trace
from graphscope.tui.canvas import Canvas
from graphscope.tui.feed import Feed
from graphscope.tui.findings_dialog import FindingsDialog
from graphscope.tui.recording_search import RecordingSearch, Searched
from tests.samples import logistic_traces
from tests.tui.chains import back, traced
from tests.tui.findings import SATURATED, UNUSED, searched_app
from tests.tui.screens import (
    MEDIUM,
    SMALL,
    ListRecording,
    logistic_app,
    open_app,
    pane,
    press,
    running,
    screen_lines,
    screen_text,
)


def lines_of(dialog: FindingsDialog) -> list[str]:
    picture = dialog.query_one("#finding", Canvas).picture
    return [picture.line_at(y).text for y in range(picture.height)]


async def test_f_lists_all_findings_and_explains_the_chosen_one() -> None:
    app = searched_app([UNUSED, SATURATED])
    async with running(app, SMALL) as pilot:
        await press(pilot, "F", "down")
        assert [row[2:77] for row in screen_lines(app)[1:22]] == [
            "╭─ 2 findings in 40 steps ────────────────────────────────────────────────╮",
            "│ ▶ step 0  `b` got no gradient                           logistic.py:7   │",
            "│   step 2  the sigmoid `a` is exactly 1                  logistic.py:14  │",
            "│ ─────────────────────────────────────────────────────────────────────── │",
            "│ the sigmoid `a` is exactly 1 (logistic.py:14)                           │",
            "│ `a = torch.sigmoid(z)` (logistic.py:14) is 1 to the last bit, so the    │",
            "│ gradient that it sends on is 0.                                         │",
            "│ ╭ l = F.binary_cross_entropy(a, y)  logistic.py:15                      │",
            "│ │ a = torch.sigmoid(z)              logistic.py:14  ← × 0               │",
            "│ ╰ w_1                               logistic.py:6                       │",
            "│ Cannot tell since when, because steps are missing.                      │",
            "│ → Give the loss `z` and use `F.binary_cross_entropy_with_logits`.       │",
            *[
                "│                                                                         │"
            ]
            * 8,
            "╰─────────── enter goes there · tab, wheel: scroll the text · esc closes ─╯",
        ]


async def test_where_there_is_room_the_kind_is_told_too() -> None:
    app = searched_app([UNUSED, SATURATED])
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "F")
        rows = [row[6:114] for row in screen_lines(app)]
        assert [row.rstrip() for row in rows if row[2:6] == "step"] == [
            "▶ step 0  none-grad          `b` got no gradient                                             logistic.py:7",
            "  step 2  saturated-sigmoid  the sigmoid `a` is exactly 1                                    logistic.py:14",
        ]


async def test_enter_goes_to_the_step_and_the_node_of_a_finding() -> None:
    app = searched_app([UNUSED, SATURATED])
    async with running(app, SMALL) as pilot:
        await press(pilot, "F", "down", "enter")

        assert not isinstance(app.screen, FindingsDialog)
        assert app.position.step == 2
        assert str(pane(app, "inspector").border_title) == "a"
        assert "graph · 1 finding (F)" in str(pane(app, "graph").border_title)
        assert "▲ the sigmoid `a` is exactly 1" in screen_text(app)

        await press(pilot, "F")  # opens at the finding of the step
        assert app.screen.query_one(OptionList).highlighted == 1
        await press(pilot, "escape")
        assert app.position.step == 2


async def test_a_click_on_a_row_of_a_path_goes_to_what_it_is_about() -> None:
    app = searched_app([SATURATED])
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "F")
        await pilot.click("#finding", offset=(3, 3))  # a rule, title, text, the loss
        await press(pilot)

        assert app.position.step == 2
        assert str(pane(app, "inspector").border_title) == "l"


async def test_a_click_on_a_finding_goes_there() -> None:
    app = searched_app([UNUSED, SATURATED])
    async with running(app, SMALL) as pilot:
        await press(pilot, "F")
        await pilot.click("#findings OptionList", offset=(20, 1))
        await press(pilot)

        assert (app.position.step, app.position.selection) == (2, 5)


async def test_of_a_healthy_recording_it_says_so() -> None:
    app = logistic_app(40)
    async with running(app, SMALL) as pilot:
        await press(pilot, "F")
        text = screen_text(app)

        assert "─ no findings in 40 steps ─" in text
        assert "Nothing suspicious was found in 40 steps." in text
        await press(pilot, "enter", "escape")
        assert not isinstance(app.screen, FindingsDialog)


@pytest.mark.parametrize(
    ("known", "title", "text"),
    [
        (
            Searched(looked=312, steps=1000),
            "findings · looking at step 312 of 1,000 …",
            "Nothing suspicious was found so far.",
        ),
        (
            Searched(looked=3, steps=4, unread=1, is_done=True, is_over=True),
            "no findings in 4 steps · 1 not read",
            "Nothing suspicious was found in 4 steps. One of them could not be read.",
        ),
    ],
)
async def test_it_says_how_far_it_is_and_what_it_could_not_read(
    known: Searched, title: str, text: str
) -> None:
    app = logistic_app(2)
    async with running(app, SMALL) as pilot:
        await press(pilot, "F")
        app.session.search.known = known
        dialog = app.screen
        assert isinstance(dialog, FindingsDialog)
        dialog.fill()
        await pilot.pause()

        assert f"─ {title} ─" in screen_text(app)
        assert " ".join(lines_of(dialog)) == text


async def test_text_of_a_recording_is_neither_markup_nor_an_escape_sequence() -> None:
    hostile = "[@click=app.quit]x[/] [/] \x1b]52;c;ZXZpbA==\x07 $text"
    finding = replace(
        SATURATED,
        kind=hostile,
        title=hostile,
        explanation=hostile,
        remedy=hostile,
        unknown=(hostile,),
        paths=((replace(SATURATED.paths[0][0], text=hostile, mark=hostile),),),
    )
    app = searched_app([finding])
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "F")
        text = screen_text(app)

        assert text.count("[@click=app.quit]x[/] [/]") >= 6
        assert not set("\x1b\x07") & set(text)


def test_a_step_is_looked_at_once_and_new_ones_are_added() -> None:
    traces = logistic_traces(6)
    recording = ListRecording(traces[:3], damaged=[1])
    asked: list[int] = []

    class Counting(Feed):
        changes = 0

        def read(self, step: int) -> Trace:
            asked.append(step)
            return super().read(step)

        is_over = False

    feed = Counting(recording)
    search = RecordingSearch(feed)
    assert search.begin()
    assert not search.begin()  # one worker is at it
    *_, search.known = search.run(lambda: True)
    assert asked == [0, 1, 2]
    assert (search.known.looked, search.known.unread) == (2, 1)
    assert not search.is_due

    recording.traces, feed.changes = traces, 1
    assert search.begin()
    *_, search.known = search.run(lambda: True)
    assert asked == [0, 1, 2, 3, 4, 5]
    assert (search.known.looked, search.known.steps) == (5, 6)


def test_a_search_that_is_not_wanted_any_more_ends_and_can_begin_again() -> None:
    search = RecordingSearch(Feed(ListRecording(logistic_traces(9))))
    search.begin()
    wanted = iter([True, True, False])

    assert list(search.run(lambda: next(wanted))) == []
    assert search.begin()
    *_, known = search.run(lambda: True)
    assert (known.looked, known.is_done) == (9, True)


async def test_a_small_recording_is_searched_before_anybody_asks() -> None:
    def program() -> None:
        w = torch.tensor([0.5, 2.0], requires_grad=True)
        v = torch.tensor([3.0, 1.0], requires_grad=True)
        back((w.detach() * v).sum())
        torch.optim.SGD([w, v], lr=0.1).step()

    app = open_app([traced(program)])
    async with running(app) as pilot:
        assert "1 finding (F)" in str(pane(app, "graph").border_title)
        await press(pilot, "F")
        assert "none-grad  `w` got no gradient: cut by detach()" in screen_text(app)
