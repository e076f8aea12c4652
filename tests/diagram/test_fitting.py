from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import Diagram, Style
from graphscope.diagram.options import DiagramOptions
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace
from tests.diagram import cases
from tests.diagram.sketch import Sketch, arrows_of, texts_of

SCOPES = ["", "a", "a.x", "a.y", "b", "b.x.deep"]


def is_in_order(diagram: Diagram) -> bool:
    """Whether every arrow leads from a box to a later one, so that none is a cycle."""
    places = {box.id: place for place, box in enumerate(diagram.boxes)}
    return all(places[a.source] < places[a.target] for a in diagram.arrows)


def test_modules_are_collapsed_to_the_depth_that_was_asked_for() -> None:
    diagram = build_diagram(cases.modules(), DiagramOptions(depth=2))
    assert texts_of(diagram) == [
        "input x | 1",
        "parameter blocks.0.linear.weight | 1 | ∂ 2",
        "module blocks.0 (Block) | 2 ops | 1 parameter | → f32[] | ∂ 1",
        "operation −(·) | neg(relu in blocks.0) | 1 | ∂ 1",
        "module blocks.1 (Block) | 2 ops | 1 parameter | → f32[] | ∂ 1",
        "operation −(·) | neg(relu in blocks.1) | 1 | ∂ 1",
        "module blocks.0 (Block) | 2 ops | 1 parameter | → f32[] | ∂ 1",
        "operation −(·) | neg(relu in blocks.0) | 1 | ∂ 1",
        "root neg#11 | 1 | ∂ 1",
    ]
    assert arrows_of(diagram) == [
        "x -> blocks.0 (Block) data",
        "blocks.0.linear.weight -> blocks.0 (Block) flow ∂ 1",
        "blocks.0 (Block) -> −(·) flow ∂ 1",
        "−(·) -> blocks.1 (Block) flow ∂ 1",
        "blocks.1 (Block) -> −(·) flow ∂ 1",
        "−(·) -> blocks.0 (Block) flow ∂ 1",
        "blocks.0.linear.weight -> blocks.0 (Block) flow ∂ 1",
        "blocks.0 (Block) -> −(·) flow ∂ 1",
        "−(·) -> neg#11 flow",
    ]
    assert diagram.notes == ()


def test_a_module_that_is_called_twice_has_two_boxes_with_their_own_ids() -> None:
    diagram = build_diagram(cases.modules(), DiagramOptions(depth=2))
    ids = [box.id for box in diagram.boxes if box.id.startswith("scope:")]
    assert ids == ["scope:blocks.0", "scope:blocks.1", "scope:blocks.0#2"]


def test_too_many_boxes_are_collapsed_by_module_with_a_note() -> None:
    diagram = build_diagram(cases.modules(30), DiagramOptions(max_boxes=70))
    # 31 calls of 2 ops, 31 negations, x, 30 weights and the root: 125 boxes;
    # 31 calls, 31 negations, x, the weight that is used twice, the root: 65
    assert len(diagram.boxes) == 65
    assert diagram.notes == (
        "Collapsed to module depth 2: 125 boxes are more than 70.",
    )


def test_a_long_flat_chain_keeps_its_beginning_and_its_end() -> None:
    diagram = build_diagram(cases.chain(1000), DiagramOptions(max_boxes=10))
    assert texts_of(diagram) == [
        "parameter w | 0 | ∂ 1",
        "constant 1",
        "operation + | h + 1 | 1 | ∂ 1",
        "constant 1",
        "operation + | h + 1 | 2 | ∂ 1",
        "module … 997 ops",
        "constant 1",
        "operation + | h + 1 | 1000 | ∂ 1",
        "root h + 1 | 1000 | ∂ 1",
    ]
    assert diagram.notes == (
        "997 ops in the middle are drawn as one box: 2,002 boxes are more than 10.",
    )


def test_a_thousand_ops_fit_into_the_default_budget() -> None:
    diagram = build_diagram(cases.chain(1000))
    assert 290 <= len(diagram.boxes) <= 300


def test_the_leaves_of_an_op_that_reads_very_many_are_joined() -> None:
    s = Sketch()
    leaves = [s.input(f"x{index}", 1.0) for index in range(400)]
    s.op("stack", leaves, 1.0)
    diagram = build_diagram(s.trace())
    assert [box.title for box in diagram.boxes] == [
        *[f"x{index}" for index in range(8)],
        "… 392 leaves",
        "stack",
    ]
    assert diagram.notes == (
        "392 leaves are drawn as one box: 401 boxes are more than 300.",
    )


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Ops that read any earlier values, in any order of scopes, with updates."""
    s = Sketch()
    known = [s.parameter("w", 1.0), s.input("x", 1.0)]
    trained = [known[0]]
    last = known[0]
    for _ in range(draw(st.integers(1, 25))):
        scope = draw(st.sampled_from(SCOPES))
        match draw(st.sampled_from(["op", "op", "op", "leaf", "grad", "step", "back"])):
            case "op":
                inputs = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
                local = [1.0] * len(inputs)
                last = s.op("mul", inputs, 1.0, local, scope=scope)
                known.append(last)
            case "leaf":
                known.append(s.parameter(f"p{len(known)}", 1.0))
                trained.append(known[-1])
            case "grad":
                known.append(s.gradient(draw(st.sampled_from(trained))))
            case "step":
                s.update("SGD", {draw(st.sampled_from(trained)): 0.5}, lr=0.1)
            case "back" if s.values[last].kind is ValueKind.RESULT:
                s.backward(last)
    s.op("sum", [last], 1.0, [1.0])
    return s.trace()


@settings(deadline=None)
@given(
    traces(),
    st.sampled_from(Style),
    st.one_of(st.none(), st.integers(0, 3)),
    st.integers(1, 40),
)
def test_no_way_of_collapsing_makes_a_cycle_or_exceeds_the_budget(
    trace: Trace, style: Style, depth: int | None, max_boxes: int
) -> None:
    options = DiagramOptions(style=style, depth=depth, max_boxes=max_boxes)
    diagram = build_diagram(trace, options)
    assert is_in_order(diagram)
    assert len(diagram.boxes) <= max_boxes
    assert len({box.id for box in diagram.boxes}) == len(diagram.boxes)


@settings(deadline=None)
@given(traces(), st.sampled_from(Style))
def test_the_same_step_is_always_drawn_the_same(trace: Trace, style: Style) -> None:
    options = DiagramOptions(style=style, max_boxes=7)
    again = replace(trace, graph=replace(trace.graph))
    assert build_diagram(trace, options) == build_diagram(again, options)


@pytest.mark.parametrize("style", Style)
def test_arrows_that_would_point_back_in_time_are_left_out(style: Style) -> None:
    trace = cases.residual()
    first, second, *rest = trace.graph.ops
    # a recording from a stranger: the first op claims to read the last result
    odd = replace(first, arguments=(replace(first.arguments[0], value=4),))
    graph = replace(trace.graph, ops=(odd, second, *rest))
    diagram = build_diagram(replace(trace, graph=graph), DiagramOptions(style=style))
    assert is_in_order(diagram)


def test_an_arrow_for_all_uses_of_a_value_carries_its_whole_gradient() -> None:
    diagram = build_diagram(cases.residual_module(), DiagramOptions(depth=1))
    # r = h + 2h inside of the module: ∂r/∂h = 1 + 2 = 3
    assert arrows_of(diagram) == [
        "w -> + flow ∂ 3",
        "1 -> + data",
        "+ -> block flow ∂ 3",
        "block -> r flow",
    ]


@pytest.mark.parametrize("style", Style)
def test_a_value_that_two_ops_claim_is_drawn_once(style: Style) -> None:
    trace = cases.residual()
    first, second, *rest = trace.graph.ops
    odd = replace(second, outputs=(*second.outputs, *first.outputs))
    graph = replace(trace.graph, ops=(first, odd, *rest))
    diagram = build_diagram(replace(trace, graph=graph), DiagramOptions(style=style))
    assert len({box.id for box in diagram.boxes}) == len(diagram.boxes)
    assert is_in_order(diagram)
