# ruff: noqa: E501 - screens are as wide as they are
from dataclasses import replace

import pytest
from rich.cells import cell_len

from graphscope.analysis.phases import PhaseRun, find_runs
from graphscope.model.graph import Phase
from graphscope.tui.moment import Moment
from graphscope.tui.timeline import (
    HeaderFacts,
    draw_header,
    draw_timeline,
)
from tests.samples import logistic_trace


def timeline(event: int, width: int) -> str:
    return draw_timeline(find_runs(logistic_trace().graph.events), event, width).text


def test_bars_are_in_proportion_and_the_dot_is_where_the_event_is() -> None:
    # 3 forward, 1 loss, 1 zero, 6 backward, 1 update
    assert [timeline(event, 80).rstrip() for event in (0, 3, 7, 11)] == [
        " 1 forward ●╌╌╌╌╌╌ 2 loss ╌╌╌ 3 zero ╌╌╌ 4 backward ╌╌╌╌╌╌╌╌╌╌╌╌╌ 5 update ╌╌╌",
        " 1 forward ━━━━━━━ 2 loss ●╌╌ 3 zero ╌╌╌ 4 backward ╌╌╌╌╌╌╌╌╌╌╌╌╌ 5 update ╌╌╌",
        " 1 forward ━━━━━━━ 2 loss ━━━ 3 zero ━━━ 4 backward ━━━━●╌╌╌╌╌╌╌╌ 5 update ╌╌╌",
        " 1 forward ━━━━━━━ 2 loss ━━━ 3 zero ━━━ 4 backward ━━━━━━━━━━━━━ 5 update ●╌╌",
    ]


def test_without_room_for_names_the_numbers_stay() -> None:
    assert timeline(7, 40).rstrip() == " 1 ━━━━━ 2 ━━━ 3 ━━ 4 ━━━●╌╌╌╌╌╌ 5 ╌╌╌"


@pytest.mark.parametrize("width", [1, 5, 12, 30, 60, 80, 200])
@pytest.mark.parametrize("event", range(12))
def test_the_dot_is_there_at_every_width_and_nothing_is_wider(
    width: int, event: int
) -> None:
    text = timeline(event, width)

    assert text.count("●") == 1
    assert cell_len(text.rstrip()) <= max(width, 2)


def test_many_passes_become_one_bar() -> None:
    phases = [Phase.FORWARD, Phase.BACKWARD] * 100
    runs = [PhaseRun(phase, i, i + 1) for i, phase in enumerate(phases)]

    assert draw_timeline(runs, 199, 80).text == " " + "━" * 77 + "●"


def test_the_header_says_where_and_how_large_the_loss_is() -> None:
    facts = HeaderFacts("train.py", 12, 100, [1.0, 0.5] * 50)
    text = draw_header(facts, Moment(logistic_trace(), 7), 100).text

    assert text.startswith(" graphscope · train.py ")
    assert "step 12/99 · event 8/12 · 4 backward" in text
    assert "loss 1 " in text
    assert cell_len(text) == 100


@pytest.mark.parametrize("title", ["", "train.py", "長い名前" * 20, "x" * 300])
@pytest.mark.parametrize("losses", [[], [None], [float("nan")] * 9, [0.5] * 1000])
@pytest.mark.parametrize("width", [80, 120])
def test_the_header_is_never_wider_than_the_screen(
    title: str, losses: list[float | None], width: int
) -> None:
    facts = HeaderFacts(title, 0, 1000, losses)

    header = draw_header(facts, Moment(logistic_trace(), 0), width)
    assert header.width <= width
    assert "step 0/999 · event 1/12 · 1 forward" in header.text


@pytest.mark.parametrize(
    ("name", "word"),
    [("z", "z"), ("l", "loss"), ("d_loss", "d_loss"), ("total_objective", "loss")],
)
def test_the_header_calls_the_number_as_the_code_does_when_that_is_short(
    name: str, word: str
) -> None:
    trace = logistic_trace()
    values = (*trace.graph.values[:7], replace(trace.graph.values[7], name=name))
    named = replace(trace, graph=replace(trace.graph, values=values))

    header = draw_header(HeaderFacts("t.py", 0, 1, [14.0]), Moment(named, 7), 80)

    assert header.text.rstrip().endswith(f"  {word} 14")


def test_the_header_says_which_pass_it_is_where_there_are_several() -> None:
    trace = logistic_trace(2)
    *before, last = trace.graph.events
    events = (*before, replace(last, pass_index=2))
    again = replace(trace, graph=replace(trace.graph, events=events))
    facts = HeaderFacts("train.py", 2, 3, [])

    texts = [draw_header(facts, Moment(again, e), 100).text for e in (0, len(before))]

    assert "step 2/2 · event 1/" in texts[0]
    assert "step 2/2 · pass 3 · event" in texts[1]
