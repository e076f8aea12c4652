"""What is found in the programs, what is missed, and what is found by mistake."""

from collections import Counter

import pytest

from tests.why.programs import (
    QUESTIONS,
    case_names,
    expected,
    found,
    is_healthy,
    question_of,
    run_case,
)


@pytest.mark.parametrize("name", case_names())
def test_exactly_what_is_wrong_is_found_at_its_line(name: str) -> None:
    assert found(run_case(name)) == expected(name)


def test_each_question_has_four_programs_with_a_fault_and_two_without() -> None:
    faulty = Counter(question_of(n) for n in case_names() if not is_healthy(n))
    healthy = Counter(question_of(n) for n in case_names() if is_healthy(n))
    assert {q: faulty[q] for q in QUESTIONS if faulty[q] < 4} == {}
    assert {q: healthy[q] for q in QUESTIONS if healthy[q] < 2} == {}
    assert set(faulty) | set(healthy) == set(QUESTIONS)


def test_the_programs_with_a_fault_say_what_is_to_be_found() -> None:
    assert [n for n in case_names() if bool(expected(n)) is is_healthy(n)] == []
