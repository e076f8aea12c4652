"""The search list: what it finds, and how entries are told apart."""

import pytest

from graphscope.tui.outline import build_outline
from graphscope.tui.search import Entry, find_entries, list_entries
from tests.samples import logistic_trace
from tests.tui.screens import open_app, press, running, screen_lines
from tests.tui.steps import with_readout, zeroed_after_the_update


def entries_of_the_updated_step() -> tuple[Entry, ...]:
    trace = zeroed_after_the_update()
    return list_entries(trace, build_outline(trace.graph))


def test_entries_say_line_and_value() -> None:
    trace = logistic_trace()
    entries = list_entries(trace, build_outline(trace.graph))

    assert [entry.place for entry in entries[:3]] == [
        "line 4  3.7",
        "line 12  0.5",
        "line 12  1.85",
    ]


def test_two_versions_of_one_parameter_are_told_apart_by_their_values() -> None:
    found = find_entries(entries_of_the_updated_step(), "w_1")[:2]

    assert [entry.title for entry in found] == [
        "w_1 = parameter  line 12  0.5",
        "w_1 = parameter  line 12  0.5481",
    ]


def test_entries_that_are_equal_in_all_else_say_their_row() -> None:
    trace = logistic_trace()
    outline = build_outline(trace.graph)
    twice = type(outline)(
        outline.graph, outline.nodes + outline.nodes, outline.of_value, outline.of_op
    )
    places = {entry.place for entry in list_entries(trace, twice)}

    assert "line 4  3.7  row 1" in places


def test_an_op_without_a_name_is_found_by_its_sign() -> None:
    trace = with_readout()
    entries = list_entries(trace, build_outline(trace.graph))

    assert [entry.node for entry in find_entries(entries, ".item()")] == [8]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_an_entry_is_one_line_with_its_value_at_every_width(
    size: tuple[int, int],
) -> None:
    app = open_app([logistic_trace()])
    async with running(app, size) as pilot:
        await press(pilot, "slash", "c", "r", "o", "s", "s")
        found = [row for row in screen_lines(app) if "line 15" in row]

        assert len(found) == 1
        assert "l    " in found[0]
        assert "line 15  0.1394 " in found[0]
