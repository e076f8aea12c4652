"""Which part of a written chain rule belongs to which factor."""

from dataclasses import replace

from graphscope.analysis.chain import ChainRule, Check, find_chain_rule
from graphscope.analysis.chain.model import Kind
from graphscope.render.text.chain import chain_lines, chain_parts
from tests.samples import logistic_trace

TRACE = logistic_trace()
W_1, L = 1, 7  # ids of the values
LOSS, SIGMOID = 5, 6  # events of their backward


def rule() -> ChainRule:
    return find_chain_rule(TRACE, W_1, L, is_checked=False)


def test_a_factors_name_and_number_carry_the_event_that_fills_it_in() -> None:
    names, numbers, *_ = chain_parts(TRACE, rule(), until=LOSS)

    assert [(p.text, p.event) for p in names if p.event is not None] == [
        ("∂u/∂w₁", 10 - 1),
        ("∂z/∂u", 7),
        ("∂a/∂z ", SIGMOID),
        (" ∂L/∂a ", LOSS),
    ]
    assert [p.text for p in numbers if p.event == LOSS] == ["−1.1496"]
    assert [p.text.strip() for p in numbers if p.event == SIGMOID] == ["?"]


def test_columns_are_as_wide_from_the_start_as_their_numbers_will_be() -> None:
    before = chain_lines(TRACE, rule(), until=0)
    after = chain_lines(TRACE, rule())

    assert before[0] == after[0] == "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a"
    assert before[1] == "       =   ?    ·   ?   ·   ?    ·    ?     =  ?"
    assert after[1] == "       =  3.7   ·   1   · 0.1132 · −1.1496  =  −0.4814"


def test_parts_are_the_lines() -> None:
    for width in (40, 60, 100):
        lines = chain_lines(TRACE, rule(), width=width)
        parts = chain_parts(TRACE, rule(), width=width)

        assert ["".join(p.text for p in line).rstrip() for line in parts] == lines


def test_a_check_that_is_still_to_come_is_an_ellipsis() -> None:
    pending = replace(rule(), finite_difference=Check())

    assert chain_lines(TRACE, pending)[-1].endswith("finite difference: …")


def test_sizes_lose_the_column_of_autograd_nodes_before_they_are_cut() -> None:
    sized = replace(rule(), kind=Kind.NORMS)

    assert chain_lines(TRACE, sized)[1] == (
        "   ∂u/∂w₁   MulBackward0                  sent 0.4814   gradient there 0.4814"
    )
    assert chain_lines(TRACE, sized, width=60)[1] == (
        "   ∂u/∂w₁   sent 0.4814   gradient there 0.4814"
    )
