import pytest

from graphscope.diagram.labels import (
    derivative,
    formula_of,
    is_assignment,
    root_name,
    sign_of,
    title_of,
)
from graphscope.model.graph import Argument, Op, OpKind
from tests.diagram.sketch import Sketch


def op(name: str, *texts: str, kind: OpKind = OpKind.COMPUTE) -> Op:
    arguments = tuple(Argument("", None, text) for text in texts)
    return Op(0, name, f"torch.{name}", kind, arguments, ())


@pytest.mark.parametrize(
    ("found", "sign"),
    [
        (op("mul", "a", "b"), "*"),
        (op("rsub", "a", "1"), "−"),
        (op("matmul", "a", "b"), "@"),
        (op("pow", "x", "2"), "(·)²"),
        (op("pow", "x", "-1"), "(·)⁻¹"),
        (op("pow", "x", "12"), "(·)¹²"),
        (op("pow", "x", "0.5"), "(·)^0.5"),
        (op("pow", "x", "n"), "(·)ⁿ"),
        (op("pow_", "x", "2"), "(·)²"),
        (op("sqrt", "x"), "√"),
        (op("sigmoid", "x"), "sigmoid"),
        (op("add_", "x", "1"), "+="),
        (op("__eq__", "a", "b"), "=="),
        (op("__special__", "a"), "special"),
        (op("item", kind=OpKind.READOUT), ".item()"),
        (op("__float__", kind=OpKind.READOUT), "float()"),
    ],
)
def test_an_op_goes_by_its_sign_in_the_lecture(found: Op, sign: str) -> None:
    assert sign_of(found) == sign


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("loss", "L"),
        ("l", "L"),
        ("L", "L"),
        ("self.loss", "L"),
        ("z", "z"),
        (None, "L"),
    ],
)
def test_a_loss_is_called_l_and_any_other_root_by_its_name(
    name: str | None, written: str
) -> None:
    s = Sketch()
    w = s.parameter("w", 1.0)
    root = s.op("mul", [w, w], 1.0, [1.0, 1.0], named=name)
    assert root_name(s.trace(), [root]) == written


def test_a_derivative_is_bracketed_only_where_it_must_be() -> None:
    assert derivative("L", "w_1") == "∂L/∂w_1"
    assert derivative("y-t", "x") == "∂(y-t)/∂x"
    assert derivative("f(a + b)", "layers[i + 1].w") == "∂f(a + b)/∂layers[i + 1].w"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("w -= lr * w.grad", True),
        ("x[0] = 1", True),
        ("self.w **= 2", True),
        ("a == b", False),
        ("f(x, dim=1)", False),
        ("a <= b", False),
        ("(a := b)", False),
    ],
)
def test_an_assignment_is_told_from_a_comparison_and_a_keyword(
    expression: str,
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert is_assignment(expression) is expected


def test_an_augmented_assignment_is_not_written_twice() -> None:
    s = Sketch()
    x = s.input("x", 1.0)
    one = s.constant("1")
    s.op("add_", [x, one], 2.0, named="x", previous=x, expression="x += 1")
    trace = s.trace()
    assert formula_of(trace, trace.graph.ops[0]) == "x (version 1): x += 1"


def test_a_long_expression_is_cut_and_put_on_one_line() -> None:
    s = Sketch()
    x = s.input("x", 1.0)
    text = "model(x,\n      mask=mask, position=positions + 1)"
    value = s.op("linear", [x], 2.0, expression=text)
    trace = s.trace()
    assert title_of(trace, value) == "model(x, mask=mask, position=positions…"
