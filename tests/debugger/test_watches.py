"""Watched expressions, and what they came to over the steps."""

from dataclasses import replace

import pytest

from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.recorded import RecordedArrival
from graphscope.debugger.watches import MAX_WATCHES, WatchList, watch_series
from graphscope.errors import DebuggerError
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace
from tests.samples import logistic_graph, logistic_traces

STEPS = logistic_traces(3)


def series(text: str, at: RecordedArrival | None = None) -> list[float | None]:
    found = watch_series(parse_expression(text), STEPS, at=at)
    return [None if number is None else round(number, 4) for number in found]


def test_watches_are_added_and_removed() -> None:
    empty = WatchList()
    two = empty.add("loss").add(" w_1.grad.l2 ")
    assert two.texts == ("loss", "w_1.grad.l2")
    assert two.add("loss") is two
    assert two.remove(0).texts == ("w_1.grad.l2",)
    assert empty.texts == ()


def test_a_mistake_adds_nothing() -> None:
    with pytest.raises(DebuggerError, match=r"'l3' of a tensor\. Nearest: l2\."):
        WatchList().add("w_1.grad.l3")
    with pytest.raises(DebuggerError, match=r"named 'w_2'\. Nearest: w_1\."):
        WatchList().add("w_2 > 1", known=["w_1", "b"])
    assert WatchList().add("w_1 > 1", known=["w_1", "b"]).texts == ("w_1 > 1",)
    with pytest.raises(DebuggerError, match="There is no watch 1: there are 1"):
        WatchList().add("loss").remove(1)


def test_there_are_so_many_and_no_more() -> None:
    watches = WatchList()
    for number in range(MAX_WATCHES):
        watches = watches.add(f"loss > {number}")
    with pytest.raises(DebuggerError, match="There are 50 watches already"):
        watches.add("loss")


def test_a_series_is_read_at_the_end_of_each_step() -> None:
    assert series("loss") == [0.1394, 0.1165, 0.1]
    assert series("w_1") == [0.5481, 0.5888, 0.624]  # after the step's update
    assert series("w_1.grad") == [-0.4814, -0.4069, -0.3519]
    assert series("w_1.grad.l2 > 0.4 and step > 0") == [0, 1, 0]
    assert series("unknown") == [None, None, None]


def test_what_is_of_an_event_needs_one() -> None:
    assert series("value.max") == [None, None, None]
    assert series("has_nan") == [None, None, None]
    at_z = RecordedArrival(STEPS[1], 1)
    assert series("value.max", at_z) == [1.9, 2.0911, 2.2527]  # 3.7 * w_1 + b
    assert series("value.max > 2", at_z) == [0, 1, 1]
    assert series("value - loss", at_z) == [None, None, None]  # not known there yet


def test_it_is_the_same_event_before_or_after_its_node_ran() -> None:
    node = RecordedArrival(STEPS[0], 7, is_before=True)
    assert series("grad", node) == [-0.1301, -0.11, -0.0951]


def test_a_step_that_did_something_else_has_no_such_event() -> None:
    equal = replace(STEPS[1], graph=logistic_graph())
    other = Trace(replace(logistic_graph(), roots=()), 2, STEPS[2].observations)
    found = watch_series(
        parse_expression("value.max"),
        [STEPS[0], equal, other, STEPS[2]],
        at=RecordedArrival(STEPS[0], 1),
    )
    assert [None if x is None else round(x, 4) for x in found] == [
        *(1.9, 2.0911, None, 2.2527)
    ]


def test_a_step_without_events_has_no_numbers() -> None:
    empty = Trace(Graph())
    assert watch_series(parse_expression("loss"), [empty]) == [None]
    assert watch_series(parse_expression("1"), [empty, STEPS[0]]) == [None, 1.0]
