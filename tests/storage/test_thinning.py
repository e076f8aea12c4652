"""Which steps go, and how many times they are looked at."""

from itertools import pairwise

import pytest

from graphscope.storage.thinning import Thinner


def thin(
    count: int, limit: int, findings: tuple[int, ...] = (), size: int = 10
) -> list[int]:
    """Add steps one by one as a sink does; return the rows that stay."""
    thinner, there = Thinner(), {}
    thinner.add_graph(0, 0)
    for row in range(count):
        there[row] = size
        thinner.add(row, size=size, graph=0, has_finding=row in findings)
        used = sum(there.values())
        if used > limit and not thinner.has_victims:
            thinner.plan(used=used, limit=limit)
        for gone in thinner.take(4 * size)[0]:
            del there[gone]
    for gone in thinner.take(count * size)[0]:
        del there[gone]
    return list(there)


def test_below_the_limit_nothing_goes() -> None:
    assert thin(10, 100) == list(range(10))


def test_older_steps_are_thinned_evenly_and_the_newest_stay() -> None:
    # 11 steps of 10 bytes are more than 100, so 7 (75 bytes) may stay. The newest two
    # (25 bytes) do. Every 2nd of the others leaves 0 2 4 6 8, 7 in all.
    assert thin(11, 100) == [0, 2, 4, 6, 8, 9, 10]


def test_the_longer_it_goes_on_the_fewer_of_the_old_ones_stay() -> None:
    kept = thin(1000, 1000)
    assert kept[0] == 0
    assert kept[-1] == 999
    assert 40 <= len(kept) <= 101
    old = [row for row in kept if row < 700]
    assert {b - a for a, b in pairwise(old)} <= {16, 32}


def test_steps_with_findings_stay() -> None:
    findings = (3, 5, 77, 333)
    kept = thin(1000, 1000, findings)
    assert set(findings) <= set(kept)
    assert len(kept) <= 105


def test_where_all_have_findings_these_are_thinned_and_the_first_of_them_stays() -> (
    None
):
    kept = thin(500, 1000, tuple(range(17, 500)))
    assert {0, 17, 499} <= set(kept)
    assert len(kept) <= 101


@pytest.mark.parametrize("limit", [0, 5, 15])
def test_a_limit_below_two_steps_leaves_the_first_and_the_last(limit: int) -> None:
    assert thin(50, limit) == [0, 49]


def test_graphs_that_no_step_uses_any_more_go_too() -> None:
    thinner = Thinner()
    for row in range(20):
        thinner.add_graph(row, 100)
        thinner.add(row, size=10, graph=row, has_finding=False)
    thinner.plan(used=2200, limit=1000)
    rows, graphs = thinner.take(10_000)
    assert rows == graphs
    # 20 steps with their graphs are 2,200 bytes; of 1,000 about 750 stay.
    assert 20 - len(rows) <= 7
    assert {0, 19}.isdisjoint(rows)


def test_the_graph_of_a_draft_stays_until_it_is_not_needed() -> None:
    thinner = Thinner()
    for row in range(20):
        thinner.add_graph(row, 100)
        thinner.add(row, size=10, graph=row, has_finding=False)
    thinner.pinned = 1
    thinner.plan(used=2200, limit=0)
    assert 1 not in thinner.take(10_000)[1]
    thinner.pinned = 19
    assert thinner.take(1)[1] == [1]


def test_plans_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[int] = []
    original = Thinner.plan

    def count(self: Thinner, *, used: int, limit: int) -> None:
        plans.append(used)
        original(self, used=used, limit=limit)

    monkeypatch.setattr(Thinner, "plan", count)
    thin(20_000, 10_000)
    # Each plan frees a quarter of 1,000 steps, so there is one for 250 steps.
    assert len(plans) <= 20_000 // 250 + 5
