"""The list of kinds, held against what the checks make."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from graphscope.analysis import findings
from graphscope.analysis.findings.kinds import (
    ANSWERS,
    FAMILIES,
    KINDS,
    covered_kinds,
    kind_lines,
)
from tests.why.programs import case_names, expected

ANALYSIS = Path(findings.__file__).parents[1]
KIND = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)+")
WORD = re.compile("[a-z][a-z0-9]*")


def kinds_in(source: Path) -> Iterator[str]:
    """Yield the texts of a module that look like kinds, and those called `kind`."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and KIND.fullmatch(str(node.value)):
            yield str(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "kind":
            texts = (
                one for one in ast.walk(node.value) if isinstance(one, ast.Constant)
            )
            yield from (t for one in texts if WORD.fullmatch(t := str(one.value)))


def test_the_list_has_exactly_the_kinds_that_the_checks_make() -> None:
    sources = [p for f in ("traps", "why") for p in (ANALYSIS / f).rglob("*.py")]
    made = {kind for source in sources for kind in kinds_in(source)}
    assert made - ANSWERS == set(KINDS)
    assert ANSWERS.isdisjoint(KINDS)


def test_every_kind_that_a_program_expects_is_in_the_list() -> None:
    assert {kind for name in case_names() for kind, _ in expected(name)} <= set(KINDS)


def test_the_list_is_sorted_and_each_kind_fits_on_a_line() -> None:
    assert list(KINDS) == sorted(KINDS)
    assert [line for line in kind_lines() if len(line) > 100] == []
    assert [what for what in KINDS.values() if what.endswith(".")] == []


def test_a_name_stands_for_its_kind_and_for_those_that_begin_with_it() -> None:
    assert covered_kinds("NaN-Input") == ("nan-input",)
    assert covered_kinds("nan_input") == ("nan-input",)
    assert covered_kinds("zero") == ("zero-feature", "zero-grad", "zero-lr")
    assert covered_kinds("na") == covered_kinds("") == covered_kinds("-") == ()


def test_nan_stands_for_every_number_that_is_not_finite() -> None:
    assert covered_kinds("nan") == ("fp16-overflow", "inf", "nan", "nan-input")
    assert covered_kinds("inf") == ("inf",)
    assert all(kinds <= set(KINDS) for kinds in FAMILIES.values())
