"""What an expression comes to at an event."""

from math import inf, isfinite, isnan, nan

import numpy as np
import pytest
from hypothesis import given, strategies as st

from graphscope.debugger.arrival import Aspect
from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.expressions.numbers import Answer
from graphscope.model.observation import Observation, Stats, summarize
from tests.debugger.arrivals import MadeUp, seen

WEIGHTS: dict[Aspect, Observation | None] = {
    Aspect.VALUE: seen(1.0, -2.0, 2.0, 0.0),
    Aspect.GRAD: seen(3.0, 4.0),
}
EVENT = MadeUp(
    step=7,
    pass_index=1,
    loss_number=2.5,
    seen={Aspect.VALUE: seen(-3.0), Aspect.GRAD: seen(6.0, 8.0)},
    values={
        "w": WEIGHTS,
        "layers.0.weight": WEIGHTS,
        "step": WEIGHTS,
        "my w": WEIGHTS,
        "σ": WEIGHTS,
        "nothing": {Aspect.VALUE: None},
    },
)


def evaluate(text: str, event: MadeUp = EVENT) -> Answer:
    return parse_expression(text).evaluate(event)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step", 7),
        ("pass", 1),
        ("loss", 2.5),
        ("value", -3.0),  # one element: the element, with its sign
        ("value.l2", 3.0),
        ("value.max", -3.0),
        ("value.mean", -3.0),
        ("value.std", 0.0),
        ("grad", 10.0),  # several: their l2 norm
        ("grad.min", 6.0),
        ("grad.std", 1.0),
        ("arrived", None),
        ("arrived.l2", None),
        ("w", 3.0),
        ("w.min", -2.0),
        ("w.max", 2.0),
        ("w.mean", 0.25),
        ("w.zeros", 1),
        ("w.value.zeros", 1),
        ("w.has_nan", False),
        ("w.grad", 5.0),
        ("w.grad.max", 4.0),
        ("w.arrived.max", None),
        ("layers.0.weight.grad.l2", 5.0),
        ("'layers.0.weight'.grad.l2", 5.0),
        ('"layers.0.weight".grad.l2', 5.0),
        ("'step'.grad.l2", 5.0),
        ("'my w'.grad.l2", 5.0),
        ("σ.grad.l2", 5.0),
        ("nothing", None),
        ("unknown", None),
        ("loss.max", 2.5),
        ("loss.value.max", 2.5),
        ("loss.l2", 2.5),
        ("loss.std", 0.0),
        ("loss.zeros", 0),
        ("loss.has_nan", False),
        ("loss.grad", None),
        ("inf", inf),
        ("inf + 1", inf),
        ("1e3", 1000.0),
        ("1_000", 1000),
        (".5", 0.5),
        ("True", True),
        ("2 ** 10", 1024.0),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("step % 7 == 0", True),
        ("1 < loss < 3", True),
        ("1 < loss < 2", False),
        ("not loss > 3 and step == 7", True),
        ("loss > 3 or grad", True),
        ("abs(value)", 3.0),
        ("min(loss, step, 3)", 2.5),
        ("max(value.l2, 1)", 3.0),
        ("sqrt(16) + log10(1000) + log(1) + exp(0)", 8.0),
    ],
)
def test_an_expression_comes_to(text: str, expected: Answer) -> None:
    found = evaluate(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("1 / 0", "1 // 0", "1 % 0", "1 / (loss - loss)", "0 ** -1"),
        *("10 ** 400", "1e300 * 1e300", "-1e308 - 1e308", "exp(1e9)", "(-8) ** 0.5"),
        *("log(0)", "log10(-1)", "sqrt(-1)", "inf // 1 * arrived", "-arrived"),
        *("abs(arrived)", "max(1, arrived)", "arrived + 1", "1 + arrived"),
        ("9" * 290) + " ** 9",
        ("9" * 250) + " * 1.0 / .1 ** 300",
    ],
)
def test_what_cannot_be_computed_is_nothing(text: str) -> None:
    assert evaluate(text) is None


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
def test_a_comparison_with_nothing_is_false(sign: str) -> None:
    assert evaluate(f"arrived {sign} 1") is False
    assert evaluate(f"1 {sign} arrived") is False
    assert evaluate(f"1 {sign} 1 / 0") is False
    assert evaluate(f"arrived {sign} arrived") is False


def test_what_is_beside_something_missing_counts_all_the_same() -> None:
    assert evaluate("arrived > 1 or loss > 1") is True
    assert evaluate("1 / 0 > 1 or loss > 1") is True
    assert evaluate("arrived or loss > 1") is True
    assert evaluate("arrived and loss > 1") is False


def test_nan_compares_as_in_python() -> None:
    event = MadeUp(loss_number=nan)
    assert evaluate("loss > 1", event) is False
    assert evaluate("loss == loss", event) is False
    assert evaluate("loss != loss", event) is True
    assert evaluate("loss.has_nan", event) is True
    found = evaluate("loss.std", event)
    assert isinstance(found, float)
    assert isnan(found)


def test_an_infinite_loss_is_larger_than_any_number() -> None:
    event = MadeUp(loss_number=inf)
    assert evaluate("loss.value.max > 10", event) is True
    assert evaluate("loss.has_inf and not loss.has_nan", event) is True


def test_one_infinite_element_is_its_own_largest() -> None:
    whole = MadeUp(seen={Aspect.VALUE: seen(-inf)})
    assert evaluate("value.min", whole) == -inf
    assert evaluate("value.l2", whole) == inf
    kept = Observation(summary=summarize(np.array([inf])))
    assert evaluate("value.l2", MadeUp(seen={Aspect.VALUE: kept})) == inf


def test_of_several_elements_the_finite_ones_are_counted() -> None:
    event = MadeUp(seen={Aspect.GRAD: seen(3.0, inf, nan, 4.0)})
    assert evaluate("grad.l2", event) == 5.0
    assert evaluate("grad.max", event) == 4.0
    assert evaluate("grad.has_nan and grad.has_inf", event) is True


NUMBERS = ("l2", "min", "max", "mean", "std", "zeros", "has_nan", "has_inf")


@given(
    st.sampled_from(["float16", "float32", "float64", "int64", "uint8", "bool"]),
    st.lists(st.sampled_from([0.0, 1.0, -2.5, 6e4, 1e-8, inf, -inf, nan]), min_size=2),
)
def test_a_whole_tensor_has_the_numbers_of_its_statistics(
    dtype: str, elements: list[float]
) -> None:
    if not dtype.startswith("float"):
        elements = [abs(x) if isfinite(x) else 1.0 for x in elements]
    data = np.array(elements).astype(np.float32).astype(dtype)
    whole = MadeUp(seen={Aspect.VALUE: Observation(data=data)})
    kept = MadeUp(seen={Aspect.VALUE: Observation(summary=summarize(data))})
    first = [evaluate(f"value.{number}", whole) for number in NUMBERS]
    second = [evaluate(f"value.{number}", kept) for number in NUMBERS]
    assert first == pytest.approx(second, rel=1e-12, nan_ok=True)
    assert list(map(type, first)) == list(map(type, second))


def test_unwritten_memory_is_read_without_a_warning() -> None:
    signalling = np.array([0x7F800001, 0xFF800001, 0x3F800000], np.uint32)
    event = MadeUp(seen={Aspect.VALUE: Observation(data=signalling.view(np.float32))})
    found = [evaluate(f"value.{number}", event) for number in NUMBERS]
    assert found == [1.0, 1.0, 1.0, 1.0, 0.0, 0, True, False]


def test_statistics_alone_give_the_same_numbers() -> None:
    kept = Observation(summary=Stats(4, -1.0, 2.0, 0.5, 1.5, 5.0, 1, 0, 2))
    event = MadeUp(seen={Aspect.GRAD: kept})
    texts = ("grad", "grad.l2", "grad.min", "grad.max", "grad.mean", "grad.std")
    assert [evaluate(text, event) for text in texts] == [5.0, 5.0, -1.0, 2.0, 0.5, 1.5]
    assert evaluate("grad.zeros", event) == 1
    assert evaluate("grad.has_nan", event) is False
    assert evaluate("grad.has_inf", event) is True


def test_a_tensor_that_could_not_be_read_has_no_numbers() -> None:
    event = MadeUp(seen={Aspect.VALUE: Observation()})
    words = ("l2", "min", "max", "mean", "std", "has_nan", "has_inf", "zeros")
    assert [evaluate(f"value.{w}", event) for w in words] == [None] * 8
    assert evaluate("value", event) is None


def test_a_complex_element_is_its_magnitude() -> None:
    event = MadeUp(seen={Aspect.VALUE: Observation(data=np.array([3 + 4j]))})
    assert evaluate("value", event) == 5.0
    assert evaluate("value.max > 4", event) is True


def test_whole_numbers_and_truths_are_neither_nan_nor_infinite() -> None:
    for data in (np.array([1, 0]), np.array([True, False])):
        event = MadeUp(seen={Aspect.VALUE: Observation(data=data)})
        assert evaluate("value.has_nan or value.has_inf", event) is False
        assert evaluate("value.zeros", event) == 1


def test_a_loss_that_is_no_number_yet_is_the_value_of_that_name() -> None:
    event = MadeUp(values={"loss": {Aspect.VALUE: seen(3.0, 4.0)}})
    assert evaluate("loss", event) == 5.0
    assert evaluate("loss.mean", event) == 3.5
    assert evaluate("loss.grad", event) is None


def test_a_condition_holds_where_it_is_true_or_a_number_that_is_not_0() -> None:
    texts = ("step == 7", "step", "step - 7", "arrived", "loss", "False", "not 1")
    holds = [parse_expression(text).holds(EVENT) for text in texts]
    assert holds == [True, True, False, False, True, False, False]


def test_an_expression_knows_the_names_that_it_mentions() -> None:
    text = "w.grad.l2 > loss and 'my w' < step or fc.weight.has_nan and has_inf"
    assert parse_expression(text).names == {"w", "my w", "fc.weight"}


def test_an_expression_knows_whether_it_is_about_the_event() -> None:
    about = ("value > 1", "w > grad.max", "has_nan", "step > 1 and not none_grad")
    assert all(parse_expression(text).is_of_event for text in about)
    others = ("w.grad.l2", "loss > 1", "step", "'has_nan'.max")
    assert not any(parse_expression(text).is_of_event for text in others)


def test_equal_texts_are_equal_expressions() -> None:
    assert parse_expression("w > 1") == parse_expression("w > 1")
    assert parse_expression("w > 1") != parse_expression("w > 2")
