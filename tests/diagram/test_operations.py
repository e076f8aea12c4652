import numpy as np
import pytest

from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import BoxKind, Style
from graphscope.diagram.options import DiagramOptions
from graphscope.diagram.updates import change_text
from graphscope.errors import StepRangeError
from graphscope.model.graph import OpKind
from graphscope.model.observation import Array, Observation
from tests.diagram import cases
from tests.diagram.sketch import Sketch, arrows_of, texts_of
from tests.samples import logistic_trace


def test_the_quadratic_is_drawn_as_on_the_slide() -> None:
    diagram = build_diagram(cases.quadratic())
    # z = 3x² + 2 at x = 2: y = 4, z = 14; dz/dy = 3, dz/dx = 3 · 2x = 12
    assert texts_of(diagram) == [
        "parameter x | 2 | ∂ 12",
        "operation (·)² | y = x ** 2 | 4 | ∂ 3",
        "constant 3",
        "operation * | 3 * y | 12 | ∂ 1",
        "constant 2",
        "operation + | z = 3 * y + 2 | 14 | ∂ 1",
        "root z | 14 | ∂ 1",
    ]
    assert arrows_of(diagram) == [
        "x -> (·)² flow ∂ 12",
        "3 -> * data",
        "(·)² -> * flow ∂ 3",
        "* -> + flow ∂ 1",
        "2 -> + data",
        "+ -> z flow",
    ]


def test_the_logistic_step_shows_the_numbers_of_the_lecture() -> None:
    diagram = build_diagram(logistic_trace())
    loss = "l = F.binary_cross_entropy(a, y)"
    assert diagram.title == "logistic.py · step 0"
    assert diagram.notes == ()
    assert texts_of(diagram) == [
        "input x_1 | 3.7",
        "parameter w_1 | 0.5 | ∂ −0.4814",
        "operation * | u = x_1 * w_1 | 1.85 | ∂ −0.1301",
        "parameter b | 0.05 | ∂ −0.1301",
        "operation + | z = u + b | 1.9 | ∂ −0.1301",
        "operation sigmoid | a = torch.sigmoid(z) | 0.8699 | ∂ −1.1496",
        "input y | 1",
        f"operation binary_cross_entropy | {loss} | 0.1394 | ∂ 1",
        "root l | 0.1394 | ∂ 1",
        (
            "update SGD | lr 0.1 | θ ← θ − 0.1 · L′ | w_1 ← 0.5 − 0.1 · (−0.4814) = "
            "0.5481 | b ← 0.05 − 0.1 · (−0.1301) = 0.063"
        ),
    ]
    assert arrows_of(diagram) == [
        "x_1 -> * data",
        "w_1 -> * flow ∂ −0.4814",
        "* -> + flow ∂ −0.1301",
        "b -> + flow ∂ −0.1301",
        "+ -> sigmoid flow ∂ −0.1301",
        "sigmoid -> binary_cross_entropy flow ∂ −1.1496",
        "y -> binary_cross_entropy data",
        "binary_cross_entropy -> l flow",
        "w_1 -> SGD update",
        "b -> SGD update",
    ]


def test_every_line_and_arrow_says_which_event_made_it_true() -> None:
    diagram = build_diagram(logistic_trace())
    z = next(box for box in diagram.boxes if box.id == "op1")
    assert (z.event, z.backward_event) == (1, 7)
    assert [line.event for line in z.lines] == [1, 1, 7]
    w = next(box for box in diagram.boxes if box.id == "v1")
    assert (w.event, w.backward_event) == (None, 10)
    assert [line.event for line in w.lines] == [None, 10]
    # the gradient leaves the `*` in event 9 and is accumulated into w_1 in event 10
    label = next(a.label for a in diagram.arrows if a.source == "v1")
    assert label is not None
    assert label.event == 9


def test_a_tooltip_tells_what_does_not_fit_into_the_box() -> None:
    diagram = build_diagram(logistic_trace())
    tooltips = {box.id: box.tooltip for box in diagram.boxes}
    assert tooltips["op1"] == (
        "logistic.py:13  u + b\ntorch.Tensor.add\n→ z f32[1]\nAddBackward0"
    )
    assert tooltips["v1"] == "logistic.py:12  w_1\nparameter f32[1]\nAccumulateGrad"


def test_both_ways_of_a_residual_carry_their_own_gradient() -> None:
    diagram = build_diagram(cases.residual())
    # r = h + relu(h): 1 straight and 1 through the relu make ∂r/∂h = 2, ∂r/∂w = 4
    assert texts_of(diagram) == [
        "parameter w | 3 | ∂ 4",
        "constant 2",
        "operation * | h = w * 2 | 6 | ∂ 2",
        "operation relu | torch.relu(h) | 6 | ∂ 1",
        "operation + | r = h + relu(h) | 12 | ∂ 1",
        "root r | 12 | ∂ 1",
    ]
    assert arrows_of(diagram) == [
        "w -> * flow ∂ 4",
        "2 -> * data",
        "* -> relu flow ∂ 1",
        "* -> + flow ∂ 1",
        "relu -> + flow ∂ 1",
        "+ -> r flow",
    ]


def test_a_value_used_twice_by_one_op_has_two_arrows() -> None:
    diagram = build_diagram(cases.shared_weight())
    assert texts_of(diagram)[0] == "parameter w | 3 | ∂ 6"
    assert arrows_of(diagram) == ["w -> * flow ∂ 3", "w -> * flow ∂ 3", "* -> y flow"]


def test_accumulation_shows_what_arrived_and_what_grad_became() -> None:
    diagram = build_diagram(cases.accumulation())
    assert texts_of(diagram) == [
        "parameter weights | 1 | arrived 3, 3, 3 | .grad 3 → 6 → 9",
        *["constant 3", "operation * | l = w * 3 | 3 | ∂ 1", "root l | 3 | ∂ 1"] * 3,
    ]


def test_equal_elements_are_written_once_in_a_row_of_gradients() -> None:
    diagram = build_diagram(cases.accumulation((4,)))
    assert texts_of(diagram)[0] == (
        "parameter weights | [1, 1, 1, 1] | arrived 3, 3, 3 (each of 4)"
        " | .grad 3 → 6 → 9 (each of 4)"
    )


def test_one_pass_can_be_drawn_alone() -> None:
    diagram = build_diagram(cases.accumulation(), DiagramOptions(pass_index=1))
    assert diagram.title == "train.py · step 0 · pass 1"
    assert texts_of(diagram) == [
        "parameter weights | 1 | ∂ 3 | .grad 3 → 6",
        "constant 3",
        "operation * | l = w * 3 | 3 | ∂ 1",
        "root l | 3 | ∂ 1",
    ]


def test_a_pass_that_does_not_exist_is_refused_with_the_range() -> None:
    options = DiagramOptions(pass_index=3)
    with pytest.raises(StepRangeError) as caught:
        build_diagram(cases.accumulation(), options)
    assert str(caught.value) == (
        "There is no pass 3 in step 0, which has 3. Choose one from 0 to 2."
    )


def test_a_cut_says_why_and_a_readout_counts_only_before_backward() -> None:
    diagram = build_diagram(cases.cut())
    assert texts_of(diagram) == [
        "parameter w | 2 | ∂ 7.5",
        "operation exp | target = w.exp() | 7.5",
        "readout .item() | item(w)",
        "operation * | loss = w * target | 15 | ∂ 1",
        "root loss | 15 | ∂ 1",
        "parameter v | 1 | ∂ not reached",
        "operation sin | unused = sin(v) | 0.8415",
    ]
    assert arrows_of(diagram) == [
        "w -> exp cut (no_grad)",
        "w -> .item() cut (.item())",
        "w -> * flow ∂ 7.5",
        "exp -> * data",
        "* -> loss flow",
        "v -> sin flow",
    ]


def test_an_in_place_change_is_a_new_version() -> None:
    diagram = build_diagram(cases.in_place())
    assert texts_of(diagram) == [
        "parameter w | 3 | ∂ 2",
        "constant 2",
        "operation * | h = w * 2 | 6 | ∂ 1",
        "constant 1",
        "operation += | h (version 1) = add_(h, 1) | 7 | ∂ 1",
        "operation sum | l = h.sum() | 7 | ∂ 1",
        "root l | 7 | ∂ 1",
    ]


def test_an_update_of_many_parameters_names_the_first_ones() -> None:
    diagram = build_diagram(cases.adam())
    assert texts_of(diagram)[-1] == (
        "update Adam | lr 0.1 | beta1 0.9 | beta2 0.999 | p0 1 → 0.9 | p1 1 → 0.9"
        " | p2 1 → 0.9 | p3 1 → 0.9 | p4 1 → 0.9 | p5 1 → 0.9 | + 3 more"
    )
    assert [a for a in arrows_of(diagram) if "Adam" in a] == [
        f"p{index} -> Adam update" for index in range(9)
    ]


def test_a_parameter_that_only_an_update_reads_is_drawn_with_it() -> None:
    diagram = build_diagram(cases.generator(2))
    assert texts_of(diagram)[-3:] == [
        "parameter G.0 | 1 | ∂ not reached",
        "parameter G.1 | 1 | ∂ not reached",
        "update Adam | G.0 1 → 0.9 | G.1 1 → 0.9",
    ]
    assert [a for a in arrows_of(diagram) if "Adam" in a] == [
        "G.0 -> Adam update",
        "G.1 -> Adam update",
    ]


def test_many_parameters_that_only_an_update_reads_are_named_by_it_alone() -> None:
    texts = texts_of(build_diagram(cases.generator(9)))
    assert [text for text in texts if text.startswith("parameter")] == [
        "parameter w | 2 | ∂ 3"
    ]
    assert texts[-1].startswith("update Adam | G.0 1 → 0.9")
    assert texts[-1].endswith("| + 3 more")


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (np.array(2.0), np.array(1.7), "2 → 1.7"),
        (np.array(0.5), np.array(0.5000004), "0.5 → 0.5000004"),
        (np.array(2.0), np.array(2.0), "2 → 2"),
        (np.array(float("nan")), np.array(1.0), "NaN → 1"),
        (np.array([1.0, 2.0]), np.array([3.0, 4.0]), "[1, 2] → [3, 4]"),
        (np.array([0.0, 3.0, 4.0]), np.array([0.0, 6.0, 8.0]), "l2 5 → 10"),
        (
            np.array([0.0, 3.0, -4.0]),
            np.array([0.0, 3.0, -4.00001]),
            "l2 5 → 5.00001",
        ),
        (np.array(True), np.array(False), "True → False"),
        (None, np.array([0.0, 3.0, 4.0]), "→ l2 5"),
    ],
)
def test_a_change_is_written_with_the_digits_that_show_it(
    before: Array | None, after: Array, text: str
) -> None:
    seen = None if before is None else Observation(before)
    assert change_text(seen, Observation(after)) == text


def test_a_manual_update_is_drawn_with_the_gradient_that_it_read() -> None:
    diagram = build_diagram(cases.manual_update())
    # w - 0.1 · 3 = 1.7
    assert texts_of(diagram) == [
        "parameter w | 2 | ∂ 3",
        "constant 3",
        "operation * | l = w * 3 | 6 | ∂ 1",
        "root l | 6 | ∂ 1",
        "constant 0.1",
        "value w.grad | 3",
        "operation * | 0.1 * w.grad | 0.3",
        "update −= | w -= 0.1 * w.grad | 2 → 1.7",
    ]
    assert arrows_of(diagram) == [
        "w -> * flow ∂ 3",
        "3 -> * data",
        "* -> l flow",
        "w -> w.grad update",
        "0.1 -> * data",
        "w.grad -> * data",
        "w -> −= update",
        "* -> −= update",
    ]


def test_a_gradient_that_autograd_grad_returned_is_marked() -> None:
    diagram = build_diagram(cases.captured())
    assert texts_of(diagram) == [
        "parameter x | 3 | ∂ 6 (autograd.grad)",
        "operation * | y = x * x | 9 | ∂ 1",
        "root y | 9 | ∂ 1",
    ]


def test_a_tensor_that_nothing_reads_is_drawn_where_it_has_a_name() -> None:
    diagram = build_diagram(cases.creations())
    assert texts_of(diagram) == [
        "input spare | 0",
        "input x | 1",
        "operation sin | sin(x) | 0.8415",
    ]
    assert [box.event for box in diagram.boxes] == [1, 0, 3]


def test_of_many_tensors_that_nothing_reads_none_is_drawn() -> None:
    diagram = build_diagram(cases.creations(spares=9))
    assert texts_of(diagram) == ["input x | 1", "operation sin | sin(x) | 0.8415"]


def test_what_became_the_numbers_of_a_parameter_is_drawn_as_the_parameter() -> None:
    s = Sketch()
    s.op("tensor", [], 2.0, named="linear.weight.data", kind=OpKind.CREATE)
    weight = s.parameter("weight", 2.0)
    s.op("sin", [weight], 0.9093)
    diagram = build_diagram(s.trace())
    assert [box.title for box in diagram.boxes] == ["weight", "sin"]


def test_a_gap_is_drawn_with_its_reason() -> None:
    diagram = build_diagram(cases.gap())
    assert [box.kind for box in diagram.boxes] == [BoxKind.INPUT, BoxKind.GAP]
    assert texts_of(diagram)[1] == "gap compiled | a compiled function is not seen"
    assert diagram.notes == ("Not recorded: a compiled function is not seen",)


def test_before_any_backward_the_gradient_is_none() -> None:
    diagram = build_diagram(cases.forward_only())
    assert texts_of(diagram)[0] == "parameter w | 2 | ∂ None"


def test_the_users_call_of_a_module_is_not_the_formula_of_every_op_inside() -> None:
    diagram = build_diagram(cases.library_module())
    assert texts_of(diagram) == [
        "input x | 1",
        "parameter 0.weight | 2 | ∂ None",
        "operation linear | linear(x, 0.weight) | 2",
        "operation relu | out = model(x) | 2",
    ]
    variables = build_diagram(
        cases.library_module(), DiagramOptions(style=Style.VARIABLES)
    )
    assert [box.title for box in variables.boxes] == [
        "x",
        "0.weight",
        "linear in 0",
        "out",
    ]
