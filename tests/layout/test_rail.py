"""Rails beside a list of nodes."""

from itertools import pairwise

from hypothesis import given, strategies as st

from graphscope.diagram.rail import NODE, RailOptions, lay_rail


def _cells(order: str, predecessors: dict[str, str]) -> list[str]:
    return [row.cells for row in lay_rail(order, predecessors)]


def test_a_chain_stays_in_one_lane() -> None:
    assert _cells("abc", {"b": "a", "c": "b"}) == ["●", "●", "●"]


def test_a_value_that_is_read_twice_keeps_its_lane() -> None:
    predecessors = {"b": "a", "c": "b", "d": "ca"}
    assert _cells("abcd", predecessors) == ["●", "├─●", "│ ●", "●─┘"]


def test_lanes_are_used_again() -> None:
    predecessors = {"c": "ab", "e": "cd"}
    assert _cells("abcde", predecessors) == ["●", "│ ●", "●─┘", "│ ●", "●─┘"]


def test_a_lane_in_between_is_passed_over() -> None:
    predecessors = {"d": "ac", "e": "bd"}
    assert _cells("abcde", predecessors) == ["●", "│ ●", "│ │ ●", "●─│─┘", "●─┘"]


def test_three_values_join_in_one_row() -> None:
    assert _cells("abcd", {"d": "abc"}) == ["●", "│ ●", "│ │ ●", "●─┴─┘"]


def test_the_lanes_that_are_read_latest_are_given_up() -> None:
    order = ["w", *(str(i) for i in range(4)), "u"]
    predecessors = {str(i): [str(i - 1)] for i in range(1, 4)} | {"u": ["3", "w"]}
    rows = lay_rail(order, predecessors, RailOptions(max_lanes=1, min_span=2))
    assert [row.cells for row in rows] == ["●", "│ ●", "  ●", "  ●", "  ●", "  ●"]
    assert [row.stubs for row in rows] == [(), (), (), (), (), ("w",)]


def test_what_comes_later_or_is_unknown_is_a_stub() -> None:
    rows = lay_rail("ab", {"a": "b?a"})
    assert rows[0].stubs == ("b", "?", "a")
    assert rows[1].cells == "●"


def test_lanes_know_whose_value_they_carry() -> None:
    rows = lay_rail("abc", {"c": "ab"})
    assert rows[2].owners == ("a", "b")


@given(st.lists(st.sets(st.integers(1, 12), max_size=3), max_size=40))
def test_every_read_is_a_lane_or_a_stub(distances: list[set[int]]) -> None:
    order = [str(row) for row in range(len(distances))]
    predecessors = {
        str(row): [str(row - d) for d in sorted(found) if d <= row]
        for row, found in enumerate(distances)
    }
    rows = lay_rail(order, predecessors, RailOptions(max_lanes=4, min_span=1))
    assert [row.id for row in rows] == order
    for row in rows:
        assert row.cells.count(NODE) == 1
        assert row.cells[row.node] == NODE
        joined = [
            owner
            for lane, owner in enumerate(row.owners)
            if owner and row.cells[2 * lane] not in "│ "
        ]
        read = {name for name in joined if name in predecessors[row.id]}
        assert read | set(row.stubs) == set(predecessors[row.id])
        assert not read & set(row.stubs)
    for before, after in pairwise(rows):
        kept = {i for i, char in enumerate(before.cells[::2]) if char in "│├┤┼●"}
        used = {i for i, owner in enumerate(after.owners) if owner}
        assert used <= kept
