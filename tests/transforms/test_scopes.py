from hypothesis import given, strategies as st

from graphscope.model.graph import Graph, Op, OpKind
from graphscope.transforms.folding import largest_that_fits, middle_of
from graphscope.transforms.scopes import OpGroup, Run, group_ops, scope_runs

SCOPES = st.lists(st.sampled_from([None, "", "a", "a.x", "a.x.y", "b"]), max_size=30)


def graph_of(*scopes: str) -> Graph:
    return Graph(
        ops=tuple(
            Op(index, "mul", "torch.mul", OpKind.COMPUTE, (), (), scope)
            for index, scope in enumerate(scopes)
        )
    )


def test_a_module_called_again_after_other_ops_is_a_second_group() -> None:
    graph = graph_of("a.x", "a.y", "", "a.x")
    assert group_ops(graph, 1) == (OpGroup("a", (0, 1)), OpGroup("a", (3,)))


def test_hidden_ops_do_not_separate_a_module() -> None:
    graph = graph_of("a.x", "", "a.x")
    assert group_ops(graph, 1, hidden={1}) == (OpGroup("a", (0, 2)),)


def test_ops_closer_to_the_root_than_the_depth_stay_alone() -> None:
    graph = graph_of("a", "a.x", "a.x.deep", "b")
    assert group_ops(graph, 2) == (OpGroup("a.x", (1, 2)),)


def test_depth_zero_joins_whatever_runs_inside_of_any_module() -> None:
    assert scope_runs(["", "a", "b.x", ""], 0) == (Run("", 1, 3),)


@given(SCOPES, st.integers(0, 3))
def test_runs_are_in_order_apart_and_of_one_module(
    scopes: list[str | None], depth: int
) -> None:
    runs = scope_runs(scopes, depth)
    covered = [p for run in runs for p in range(run.start, run.stop)]
    assert covered == sorted(set(covered))
    inside = [s for p in covered if (s := scopes[p]) is not None]
    assert len(inside) == len(covered)
    for run in runs:
        members = scopes[run.start : run.stop]
        assert {".".join((s or "").split(".")[:depth]) for s in members} == {run.scope}


@given(SCOPES)
def test_a_deeper_grouping_only_splits_the_shallower_one(
    scopes: list[str | None],
) -> None:
    for depth in (0, 1, 2):
        outer = scope_runs(scopes, depth)
        for run in scope_runs(scopes, depth + 1):
            assert any(o.start <= run.start and run.stop <= o.stop for o in outer)


def test_the_middle_of_a_short_sequence_is_empty() -> None:
    assert middle_of(4, 3) == (3, 3)


@given(st.integers(0, 200), st.integers(0, 250))
def test_the_largest_number_that_fits_is_found(limit: int, bound: int) -> None:
    assert largest_that_fits(limit, lambda n: n <= bound) == min(limit, bound)
