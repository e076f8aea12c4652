"""The path of a gradient is marked, whole and nothing else."""

import numpy as np
import pytest

from graphscope.diagram.build import build_diagram
from graphscope.diagram.highlight import find_highlight
from graphscope.diagram.model import Diagram, Style
from graphscope.diagram.options import DiagramOptions, PathEnds
from graphscope.errors import NotRecordedError, UnknownNameError
from graphscope.model.trace import Trace
from tests.diagram import cases
from tests.diagram.sketch import Sketch, arrows_of, texts_of
from tests.samples import logistic_trace


def draw(
    trace: Trace,
    path: PathEnds,
    style: Style = Style.OPERATIONS,
    depth: int | None = None,
) -> Diagram:
    return build_diagram(trace, DiagramOptions(style, depth=depth, path=path))


def marked(diagram: Diagram) -> tuple[list[str], list[str]]:
    """Return the titles of the marked boxes and the texts of the marked arrows."""
    pairs = zip(diagram.arrows, arrows_of(diagram), strict=True)
    return (
        [box.title for box in diagram.boxes if box.is_highlighted],
        [text for arrow, text in pairs if arrow.is_highlighted],
    )


def test_the_path_of_the_logistic_example_leaves_out_the_input_and_the_update() -> None:
    diagram = draw(logistic_trace(), ("w_1", "l"))

    assert diagram.title == "logistic.py · step 0 · path of ∂L/∂w_1"
    assert marked(diagram) == (
        ["w_1", "*", "+", "sigmoid", "binary_cross_entropy", "l"],
        [
            "w_1 -> * flow ∂ −0.4814",
            "* -> + flow ∂ −0.1301",
            "+ -> sigmoid flow ∂ −0.1301",
            "sigmoid -> binary_cross_entropy flow ∂ −1.1496",
            "binary_cross_entropy -> l flow",
        ],
    )


def test_in_the_variables_style_every_box_has_the_product_so_far() -> None:
    diagram = draw(logistic_trace(), ("w_1", None), Style.VARIABLES)

    # ∂L/∂a = −1/a, ∂a/∂z = a(1 − a), ∂z/∂u = 1, ∂u/∂w_1 = x_1 = 3.7
    assert texts_of(diagram)[:6] == [
        "input x_1 | 3.7",
        (
            "parameter w_1 | 0.5 | ∂L/∂w_1 = −0.4814 | "
            "so far 1 · −1.1496 · 0.1132 · 1 · 3.7 = −0.4814"
        ),
        (
            "value u | = x_1 * w_1 | 1.85 | ∂L/∂u = −0.1301 | "
            "so far 1 · −1.1496 · 0.1132 · 1 = −0.1301"
        ),
        "parameter b | 0.05 | ∂L/∂b = −0.1301",
        (
            "value z | = u + b | 1.9 | ∂L/∂z = −0.1301 | "
            "so far 1 · −1.1496 · 0.1132 = −0.1301"
        ),
        (
            "value a | = torch.sigmoid(z) | 0.8699 | ∂L/∂a = −1.1496 | "
            "so far 1 · −1.1496 = −1.1496"
        ),
    ]
    assert marked(diagram)[1] == [
        "w_1 -> u flow ∂u/∂w_1 = 3.7",
        "u -> z flow ∂z/∂u = 1",
        "z -> a flow ∂a/∂z = 0.1132",
        "a -> l flow ∂L/∂a = −1.1496",
    ]


def test_a_product_is_known_from_the_event_of_its_last_factor_on() -> None:
    trace = logistic_trace()
    diagram = draw(trace, ("w_1", None), Style.VARIABLES)
    [w_1] = [box for box in diagram.boxes if box.title == "w_1"]
    mul = next(n.id for n in trace.graph.grad_nodes if n.name == "MulBackward0")

    assert w_1.lines[-1].event == trace.graph.grad_events[mul][-1]


def test_where_two_paths_meet_each_has_its_own_product() -> None:
    # h = 2w = 6; r = h + relu(h): ∂r/∂h = 1 along both, together 2
    diagram = draw(cases.residual(), ("w", "r"), Style.VARIABLES)

    assert texts_of(diagram) == [
        (
            "parameter w | 3 | ∂r/∂w = 4 | path 1/2: 1 · 1 · 2 = 2 | "
            "path 2/2: 1 · 1 · 1 · 2 = 2"
        ),
        (
            "value h | = w * 2 | 6 | ∂r/∂h = 2 | path 1/2: 1 · 1 = 1 | "
            "path 2/2: 1 · 1 · 1 = 1"
        ),
        "value torch.relu(h) | 6 | ∂r/∂torch.relu(h) = 1 | so far 1 · 1 = 1",
        "root r | = h + relu(h) | 12 | ∂r/∂r = 1",
    ]


def test_of_many_paths_three_products_are_written_and_the_rest_is_counted() -> None:
    s = Sketch()
    w = s.parameter("w", 1.0)
    h = w
    for turn in range(3):  # each turn doubles the number of paths
        h = s.op("add", [h, h], 2.0 ** (turn + 1), [1.0, 1.0], named=f"h{turn}")
    s.backward(h)
    trace = s.trace()

    products = find_highlight(trace, w, h).products

    assert [line.text for line in products[w]] == [
        "path 1/8: 1 · 1 · 1 · 1 = 1",
        "path 2/8: 1 · 1 · 1 · 1 = 1",
        "path 3/8: 1 · 1 · 1 · 1 = 1",
        "… 5 more paths",
    ]


def test_of_a_long_product_the_middle_is_left_out() -> None:
    s = Sketch()
    w = s.parameter("w", 1.0)
    h = w
    for _ in range(12):
        h = s.op("mul", [h, s.constant("0.5")], 0.5, [0.1234, 0.0])
    s.backward(h)
    [line] = find_highlight(s.trace(), w, h).products[w]

    # 0.1234 ** 12
    assert line.text == "so far 1 · … · 0.1234 · 0.1234 = 1.247e−11"


def test_a_derivative_of_something_on_the_way_is_named() -> None:
    diagram = draw(logistic_trace(), ("w_1", "z"), Style.VARIABLES)

    assert diagram.title == "logistic.py · step 0 · path of ∂z/∂w_1"
    assert marked(diagram)[0] == ["w_1", "u", "z"]
    assert texts_of(diagram)[1].endswith("| so far ∂z/∂w_1 = 1 · 1 · 3.7 = 3.7")


def test_a_branch_beside_the_path_and_a_cut_are_not_marked() -> None:
    # target = w.exp() under no_grad; loss = w * target
    diagram = draw(cases.cut(), ("w", "loss"))

    assert marked(diagram) == (
        ["w", "*", "loss"],
        ["w -> * flow ∂ 7.5", "* -> loss flow"],
    )


def test_a_path_through_collapsed_modules_marks_the_modules() -> None:
    # Blocks 0, 1, 0 in a row; the weight of the second one is used once.
    diagram = draw(cases.modules(2), ("blocks.1.linear.weight", None), depth=2)

    assert [box.title for box in diagram.boxes] == [
        *("x", "blocks.0.linear.weight", "blocks.0 (Block)", "−(·)"),
        *("blocks.1 (Block)", "−(·)", "blocks.0 (Block)", "−(·)", "neg#11"),
    ]
    assert marked(diagram) == (
        ["blocks.1 (Block)", "−(·)", "blocks.0 (Block)", "−(·)", "neg#11"],
        [
            "blocks.1 (Block) -> −(·) flow ∂ 1",
            "−(·) -> blocks.0 (Block) flow ∂ 1",
            "blocks.0 (Block) -> −(·) flow ∂ 1",
            "−(·) -> neg#11 flow",
        ],
    )


def test_names_and_ids_mark_the_same_path() -> None:
    trace = logistic_trace()
    by_name = draw(trace, ("w_1", "l"))
    by_id = draw(trace, (trace.resolve("w_1").id, trace.resolve("l").id))

    assert by_name == by_id


def test_without_a_path_nothing_is_marked() -> None:
    diagram = build_diagram(logistic_trace())

    assert not diagram.has_highlight
    assert marked(diagram) == ([], [])


@pytest.mark.parametrize("path", [("x_1", None), ("l", "w_1"), ("w_1", "b")])
def test_a_path_without_a_gradient_is_refused(path: PathEnds) -> None:
    with pytest.raises(NotRecordedError):
        draw(logistic_trace(), path)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Nearest names"):
        draw(logistic_trace(), ("w_2", None))


def test_without_a_backward_there_is_no_path() -> None:
    with pytest.raises(NotRecordedError, match="No backward ran in step 0"):
        draw(cases.forward_only(), ("w", None))


def test_what_a_path_goes_through_is_told_by_ids() -> None:
    trace = logistic_trace()
    ids = {name: trace.resolve(name).id for name in ("w_1", "u", "z", "a", "l")}

    found = find_highlight(trace, ids["w_1"], ids["l"])

    assert found.values == frozenset(ids.values())
    assert found.ops == {0, 1, 2, 3}
    assert found.links == {(ids["w_1"], 0), (ids["u"], 1), (ids["z"], 2), (ids["a"], 3)}
    assert set(found.products) == set(ids.values()) - {ids["l"]}


def test_what_lies_between_two_stops_is_one_factor() -> None:
    trace = logistic_trace()
    ids = {name: trace.resolve(name).id for name in ("w_1", "z", "l")}

    found = find_highlight(trace, ids["w_1"], ids["l"], stops=set(ids.values()))

    # ∂l/∂z = −1.1496 · 0.1132 = a − y, ∂z/∂w_1 = 3.7
    assert {
        v: [line.text for line in lines] for v, lines in found.products.items()
    } == {
        ids["z"]: ["so far 1 · −0.1301 = −0.1301"],
        ids["w_1"]: ["so far 1 · −0.1301 · 3.7 = −0.4814"],
    }


def test_the_number_behind_a_product_is_the_gradient_there() -> None:
    trace = logistic_trace()
    found = find_highlight(trace, trace.resolve("b").id, trace.resolve("l").id)
    seen = trace.gradient_of(trace.resolve("b").id)
    assert seen is not None
    assert seen.data is not None

    [line] = found.products[trace.resolve("b").id]

    text = line.text.rpartition("= ")[2].replace("−", "-")
    np.testing.assert_allclose(float(text), seen.data.item(), atol=5e-5)
