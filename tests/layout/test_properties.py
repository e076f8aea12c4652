"""What must hold for the layout of any graph."""

from collections import defaultdict
from itertools import combinations, pairwise

from hypothesis import given, settings, strategies as st

from graphscope.diagram.layout import (
    CELLS,
    POINTS,
    Layout,
    LayoutOptions,
    Rect,
    find_stubs,
    lay_out,
)

Size = tuple[int, int]
Edges = list[tuple[str, str]]
Drawing = tuple[dict[str, Size], Edges, dict[int, Size], LayoutOptions]


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """Boxes of any size, acyclic edges (some twice), labels, both units."""
    count = draw(st.integers(1, 14))
    names = [f"n{i}" for i in range(count)]
    side = st.integers(1, 25)
    sizes = {name: (draw(side), draw(st.integers(1, 6))) for name in names}
    index = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(index, index), max_size=30))
    rename = draw(st.permutations(names))
    edges = [(rename[min(p)], rename[max(p)]) for p in pairs if p[0] != p[1]]
    label = st.tuples(st.integers(1, 12), st.integers(1, 2))
    chosen = st.integers(0, max(len(edges) - 1, 0))
    labels = draw(st.dictionaries(chosen, label, max_size=len(edges)))
    options = draw(st.sampled_from([CELLS, POINTS, LayoutOptions(max_span=2)]))
    return sizes, edges, {i: s for i, s in labels.items() if i < len(edges)}, options


def _lay_out(drawing: Drawing) -> Layout:
    sizes, edges, labels, options = drawing
    return lay_out(sizes, edges, options, labels=labels)


def _segments(
    layout: Layout, edges: Edges
) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
    return [
        (edges[route.edge_index][0], start, stop)
        for route in layout.routes
        for start, stop in pairwise(route.points)
    ]


@given(drawings())
def test_no_two_boxes_or_labels_overlap(drawing: Drawing) -> None:
    layout = _lay_out(drawing)
    rects = [*layout.places.values(), *layout.label_places.values()]
    assert not [pair for pair in combinations(rects, 2) if pair[0].overlaps(pair[1])]


@given(drawings())
def test_boxes_keep_their_height_and_at_least_their_width(drawing: Drawing) -> None:
    layout = _lay_out(drawing)
    assert list(layout.places) == list(drawing[0])
    for name, (width, height) in drawing[0].items():
        assert layout.places[name].height == height
        assert layout.places[name].width >= width


@given(drawings())
def test_every_edge_is_either_a_route_or_a_stub(drawing: Drawing) -> None:
    layout = _lay_out(drawing)
    routes = [route.edge_index for route in layout.routes]
    stubs = [stub.edge_index for stub in layout.stubs]
    assert sorted(routes + stubs) == list(range(len(drawing[1])))
    assert routes == sorted(routes)
    assert tuple(stubs) == find_stubs(list(drawing[0]), drawing[1], drawing[3])


@given(drawings())
def test_all_edges_go_downwards(drawing: Drawing) -> None:
    layout = _lay_out(drawing)
    for route in layout.routes:
        source, target = drawing[1][route.edge_index]
        assert layout.places[source].bottom < layout.places[target].y
        rows = [y for _, y in route.points]
        assert rows == sorted(rows)


@given(drawings())
def test_routes_lead_from_the_bottom_of_the_source_to_the_top_of_the_target(
    drawing: Drawing,
) -> None:
    layout = _lay_out(drawing)
    for route in layout.routes:
        source, target = (layout.places[n] for n in drawing[1][route.edge_index])
        (start_x, start_y), (stop_x, stop_y) = route.points[0], route.points[-1]
        assert start_y == source.bottom
        assert source.x <= start_x < source.right
        assert stop_y == target.y
        assert target.x + drawing[3].port_inset <= stop_x
        assert stop_x < target.right - drawing[3].port_inset


@given(drawings())
def test_routes_run_along_the_axes_and_turn_at_every_point(drawing: Drawing) -> None:
    for route in _lay_out(drawing).routes:
        is_vertical = [a[0] == b[0] and a[1] < b[1] for a, b in pairwise(route.points)]
        is_flat = [a[1] == b[1] and a[0] != b[0] for a, b in pairwise(route.points)]
        assert all(v != f for v, f in zip(is_vertical, is_flat, strict=True))
        assert all(before != after for before, after in pairwise(is_flat))
        assert is_vertical[-1]


@given(drawings())
def test_routes_pass_through_no_box_and_no_label(drawing: Drawing) -> None:
    layout = _lay_out(drawing)
    obstacles = [*layout.places.values(), *layout.label_places.values()]
    for _, (x, y), (to_x, to_y) in _segments(layout, drawing[1]):
        # A route ends on the first row of its target: that row is not passed.
        rows = max(to_y - y, 1)
        passed = Rect(min(x, to_x), y, abs(to_x - x) + 1, rows)
        assert not [rect for rect in obstacles if rect.overlaps(passed)]


@given(drawings())
@settings(max_examples=300)
def test_pieces_of_different_sources_never_lie_on_one_another(
    drawing: Drawing,
) -> None:
    layout = _lay_out(drawing)
    columns: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    rows: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for source, (x, y), (to_x, to_y) in _segments(layout, drawing[1]):
        for row in range(y, to_y):
            columns[x, row].add(source)
        if y == to_y:
            for column in range(min(x, to_x), max(x, to_x) + 1):
                rows[column, y].add(source)
    assert not [cell for cell, sources in columns.items() if len(sources) > 1]
    assert not [cell for cell, sources in rows.items() if len(sources) > 1]


@given(drawings())
def test_no_corner_touches_a_piece_of_another_source(drawing: Drawing) -> None:
    edges = drawing[1]
    layout = _lay_out(drawing)
    corners = {
        (point, edges[route.edge_index][0])
        for route in layout.routes
        for point in route.points[1:-1]
    }
    for source, (x, y), (to_x, to_y) in _segments(layout, edges):
        left, right = min(x, to_x), max(x, to_x)
        for (cx, cy), owner in corners:
            is_on = left <= cx <= right and y <= cy <= to_y
            assert not (is_on and owner != source)


@given(drawings())
def test_arrows_of_different_sources_enter_in_different_columns(
    drawing: Drawing,
) -> None:
    sizes, edges, labels, options = drawing
    layout = lay_out(sizes, edges, options, labels=labels)
    ends: dict[tuple[int, int], tuple[str, str]] = {}
    for route in layout.routes:
        assert (
            ends.setdefault(route.points[-1], edges[route.edge_index])
            == (edges[route.edge_index])
        )


@given(drawings())
def test_the_picture_begins_at_the_origin_and_contains_everything(
    drawing: Drawing,
) -> None:
    layout = _lay_out(drawing)
    rects = [*layout.places.values(), *layout.label_places.values()]
    points = [point for route in layout.routes for point in route.points]
    columns = [rect.x for rect in rects] + [x for x, _ in points]
    assert min(columns) == 0
    assert min(rect.y for rect in rects) == 0
    assert layout.width == max(
        [rect.right for rect in rects] + [x + 1 for x, _ in points]
    )
    assert layout.height == max(rect.bottom for rect in rects)


@given(drawings())
def test_labels_stand_right_beside_their_own_edge(drawing: Drawing) -> None:
    layout = _lay_out(drawing)
    routes = {route.edge_index: route for route in layout.routes}
    labelled = {index for index in drawing[2] if index in routes}
    assert set(layout.label_places) == labelled
    for index in labelled:
        place = layout.label_places[index]
        assert (place.width, place.height) == drawing[2][index]
        column = place.x - 1 - drawing[3].label_gap
        assert any(
            a[0] == b[0] == column and a[1] <= place.y and place.bottom <= b[1]
            for a, b in pairwise(routes[index].points)
        )


@given(drawings())
def test_equal_input_gives_equal_output_and_any_order_of_boxes_works(
    drawing: Drawing,
) -> None:
    sizes, edges, labels, options = drawing
    assert _lay_out(drawing) == _lay_out(drawing)
    turned = dict(reversed(sizes.items()))
    layout = lay_out(turned, edges, options, labels=labels)
    assert set(layout.places) == set(sizes)
    assert len(layout.routes) + len(layout.stubs) == len(edges)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=25))
def test_cycles_and_self_loops_become_stubs(pairs: list[tuple[int, int]]) -> None:
    edges = [(str(a), str(b)) for a, b in pairs]
    layout = lay_out({str(i): (5, 3) for i in range(7)}, edges)
    stubs = {stub.edge_index for stub in layout.stubs}
    assert stubs >= {i for i, (a, b) in enumerate(pairs) if a == b}
    for route in layout.routes:
        source, target = edges[route.edge_index]
        assert layout.places[source].bottom < layout.places[target].y
