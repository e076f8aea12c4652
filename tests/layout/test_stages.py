"""What the stages of a layout decide, each on the smallest graph that shows it."""

from itertools import pairwise

from graphscope.diagram.layout import CELLS, LayoutOptions, Rect, find_stubs, lay_out
from graphscope.diagram.layout.channels import Net, Wire, route_channel
from graphscope.diagram.layout.layers import build_layers
from graphscope.diagram.layout.ordering import count_crossings, order_rows
from graphscope.diagram.layout.ranks import drop_cycles, rank_nodes


def test_an_empty_graph_has_no_size() -> None:
    layout = lay_out({}, [])
    assert (layout.places, layout.routes, layout.width, layout.height) == ({}, (), 0, 0)


def test_a_single_box_is_at_the_origin() -> None:
    assert lay_out({"a": (7, 3)}, []).places == {"a": Rect(0, 0, 7, 3)}


def test_parts_without_connection_stand_side_by_side() -> None:
    sizes = {"a": (5, 3), "c": (5, 3), "b": (5, 3), "d": (5, 3)}
    places = lay_out(sizes, [("a", "b"), ("c", "d")]).places
    assert places == {
        "a": Rect(0, 0, 5, 3),
        "c": Rect(8, 0, 5, 3),
        "b": Rect(0, 5, 5, 3),
        "d": Rect(8, 5, 5, 3),
    }


def test_the_edge_that_closes_a_cycle_is_left_out() -> None:
    assert drop_cycles(3, [(0, 1), (1, 2), (2, 0)]) == {2}
    assert drop_cycles(2, [(1, 1), (1, 0), (0, 1)]) == {0, 1}


def test_a_leaf_sinks_to_its_first_reader() -> None:
    # 0 -> 1 -> 2 -> 3, and leaf 4 into 2 and 3
    assert rank_nodes(5, [(0, 1), (1, 2), (2, 3), (4, 2), (4, 3)]) == [0, 1, 2, 3, 1]


def test_a_chain_from_a_leaf_sinks_as_a_whole() -> None:
    # 0 -> 1 -> 2 -> 3, and 4 -> 5 into 3
    assert rank_nodes(6, [(0, 1), (1, 2), (2, 3), (4, 5), (5, 3)]) == [0, 1, 2, 3, 1, 2]


def test_branches_from_a_value_that_is_read_twice_stay_side_by_side() -> None:
    # 0 -> 1 -> 2 -> 3 and 0 -> 4 -> 3
    assert rank_nodes(5, [(0, 1), (1, 2), (2, 3), (0, 4), (4, 3)]) == [0, 1, 2, 3, 1]


def test_long_edges_of_one_source_share_their_dummies() -> None:
    # 0 -> 1 -> 2 -> 3, and 0 into 2 and 3: rows 1 and 2 have one dummy each
    edges = [(0, 1), (1, 2), (2, 3), (0, 2), (0, 3)]
    layers = build_layers([(1, 1)] * 4, edges, {}, CELLS)
    assert [len(row) for row in layers.rows] == [1, 2, 2, 1]


def test_sweeps_remove_avoidable_crossings() -> None:
    edges = [(0, 5), (1, 4), (2, 3)]
    layers = build_layers([(1, 1)] * 6, edges, {}, CELLS)
    layers.rows = [[0, 1, 2], [3, 4, 5]]
    assert count_crossings(layers) == 3
    order_rows(layers)
    assert count_crossings(layers) == 0


def test_a_chain_is_straight_whatever_the_widths() -> None:
    sizes = {"a": (3, 1), "b": (20, 2), "c": (7, 5), "w": (9, 1), "d": (11, 1)}
    edges = [("a", "b"), ("b", "c"), ("w", "c"), ("c", "d")]
    layout = lay_out(sizes, edges)
    assert [len(route.points) for route in layout.routes] == [2, 2, 4, 2]


def test_an_edge_over_too_many_ranks_is_a_stub() -> None:
    names = "abcde"
    edges = [*pairwise(names), ("a", "e"), ("a", "d")]
    options = LayoutOptions(max_span=3)
    assert find_stubs(names, edges, options) == (4,)
    layout = lay_out(dict.fromkeys(names, (3, 1)), edges, options)
    assert [stub.edge_index for stub in layout.stubs] == [4]
    assert [route.edge_index for route in layout.routes] == [0, 1, 2, 3, 5]


def test_a_box_grows_until_its_arrows_fit() -> None:
    sizes = {str(i): (3, 1) for i in range(6)} | {"sum": (3, 1)}
    layout = lay_out(sizes, [(str(i), "sum") for i in range(6)])
    # six arrows two columns apart, and a corner at each end: 5 * 2 + 1 + 2
    assert layout.places["sum"].width == 13
    columns = sorted(route.points[-1][0] for route in layout.routes)
    assert {b - a for a, b in pairwise(columns)} == {2}


def test_boxes_of_a_rank_share_their_top_or_their_middle() -> None:
    sizes = {"a": (3, 1), "b": (3, 5), "c": (3, 1)}
    edges = [("a", "c"), ("b", "c")]
    top = lay_out(sizes, edges).places
    middle = lay_out(sizes, edges, LayoutOptions(centred=True)).places
    assert (top["a"].y, middle["a"].y) == (0, 2)


def test_two_nets_that_swap_columns_do_not_meet() -> None:
    wires, tracks = route_channel([Net(1, 0, (4,)), Net(2, 4, (0,))], gap=1)
    # Net 1 leaves its column above net 2, waits in column 2, and comes down below it.
    assert wires == {(1, 4): Wire((0, 2, 4), (0, 2)), (2, 0): Wire((4, 0), (1,))}
    assert tracks == 3


def test_nets_that_lead_the_same_way_nest() -> None:
    wires, tracks = route_channel([Net(1, 0, (10,)), Net(2, 5, (12,))], gap=1)
    assert wires == {(1, 10): Wire((0, 10), (1,)), (2, 12): Wire((5, 12), (0,))}
    assert tracks == 2


def test_nets_apart_from_each_other_share_a_track() -> None:
    nets = [Net(1, 0, (3,)), Net(2, 6, (9,)), Net(3, 20, (20,))]
    wires, tracks = route_channel(nets, gap=1)
    assert tracks == 1
    assert wires[3, 20] == Wire((20,), ())


def test_ten_thousand_boxes_in_a_row_are_one_straight_line() -> None:
    names = [str(i) for i in range(10_000)]
    layout = lay_out(dict.fromkeys(names, (9, 3)), list(pairwise(names)))
    assert (layout.width, layout.height) == (9, 10_000 * 5 - 2)
    assert all(len(route.points) == 2 for route in layout.routes)
