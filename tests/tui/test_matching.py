"""Going from step to step when the steps are not alike."""

from dataclasses import replace

from graphscope.model.graph import Phase
from graphscope.model.trace import Trace
from graphscope.tui.matching import match_event, match_node
from graphscope.tui.moment import Moment
from graphscope.tui.outline import build_outline
from tests.samples import logistic_trace
from tests.tui.screens import (
    open_app,
    pane,
    pane_lines,
    press,
    running,
    screen_lines,
)
from tests.tui.steps import without_zeroing


def repeated(trace: Trace) -> Trace:
    """Return a step that runs all its events twice, in two passes."""
    events = trace.graph.events
    again = [
        replace(e, index=len(events) + e.index, pass_index=1, slots=(0, 0))
        for e in events
    ]
    return replace(trace, graph=replace(trace.graph, events=(*events, *again)))


def test_an_event_is_found_again_by_its_kind_place_and_title() -> None:
    whole, short = logistic_trace(), without_zeroing(1)

    found = [match_event(Moment(whole, event), short) for event in (0, 3, 5, 7, 11)]

    assert found == [0, 3, 4, 6, 10]
    assert match_event(Moment(short, 6), whole) == 7


def test_the_second_of_two_alike_is_again_the_second() -> None:
    twice = repeated(logistic_trace())

    assert match_event(Moment(twice, 12 + 7), repeated(without_zeroing(1))) == 11 + 6
    assert match_event(Moment(twice, 12 + 7), without_zeroing(1)) == 6


def test_an_event_without_counterpart_becomes_one_as_far_in_the_same_phase() -> None:
    whole = logistic_trace()
    moved = replace(
        whole,
        graph=replace(
            whole.graph,
            events=tuple(replace(e, site=None) for e in whole.graph.events[:8]),
        ),
    )

    # the third of 6 events of backward becomes the second of 3
    assert whole.graph.events[7].phase is Phase.BACKWARD
    assert match_event(Moment(whole, 7), moved) == 6
    # there is no update
    assert match_event(Moment(whole, 11), moved) == 7


def test_a_node_without_counterpart_is_not_found() -> None:
    whole = logistic_trace()
    first, *rest = whole.graph.values
    renamed = replace(
        whole.graph, values=(replace(first, name="other", site=None), *rest)
    )
    old, new = build_outline(whole.graph), build_outline(renamed)
    trace = replace(whole, graph=renamed)

    assert match_node(whole, old, 0, trace, new) is None
    assert match_node(whole, old, 4, trace, new) == 4


async def test_a_step_further_is_at_the_same_place_and_so_are_all_panes() -> None:
    traces = [logistic_trace(), without_zeroing(1), logistic_trace(2)]
    app = open_app(traces)
    async with running(app) as pilot:
        await press(pilot, "b", "n", "n", "N")
        assert "step 1/2 · event 7/11 · 4 backward" in screen_lines(app)[0]
        assert str(pane(app, "inspector").border_title) == "z"
        assert "▶ z" in pane_lines(app, "graph")[4]
        assert pane_lines(app, "source")[12].startswith("▶ 13     z = u + b")

        await press(pilot, "N")
        assert "step 2/2 · event 8/12 · 4 backward" in screen_lines(app)[0]


async def test_a_step_that_lacks_the_event_does_not_lose_the_place() -> None:
    app = open_app([logistic_trace(), without_zeroing(1), logistic_trace(2)])
    async with running(app) as pilot:
        await press(pilot, "n", "n", "n", "n")
        assert "event 5/12 · 3 zero" in screen_lines(app)[0]

        await press(pilot, "N", "P")
        assert "step 0/2 · event 5/12 · 3 zero" in screen_lines(app)[0]
        assert str(pane(app, "inspector").border_title) == "w_1"
