"""Examples are found by id, by the id without its lecture, by function; else helped."""

from pathlib import Path

import pytest

from graphscope.errors import GraphscopeError, UnknownNameError
from graphscope.lectures.catalog import find_example, list_examples, read_topics
from graphscope.lectures.oracles import load_oracles

SCRIPT = '''"""Sums: adding numbers.

More.
"""

import torch


def helper() -> int:
    """Not an example."""
    return 1


def one_sum() -> None:
    """a1-sum: A sum
    of two numbers.

    Look at: the
    plus sign.

    A further paragraph.
    """
    x = torch.tensor(1.0)
    if x > 0:
        print(x + 2)


def other() -> None:
    """b2-sum: Another."""
    print(1)


def third() -> None:
    """a1-product: A product."""
    print(2)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sums.py").write_text(SCRIPT, "utf-8")
    (tmp_path / "empty.py").write_text('"""Nothing."""\n', "utf-8")
    return tmp_path


def test_a_topic_lists_its_examples_in_the_order_of_the_file(folder: Path) -> None:
    [topic] = read_topics(folder)

    assert (topic.name, topic.title) == ("sums", "Sums: adding numbers")
    assert [e.id for e in topic.examples] == ["a1-sum", "b2-sum", "a1-product"]
    first = topic.examples[0]
    assert first.title == "A sum of two numbers."
    assert first.look_at == "the plus sign."
    assert (first.function, first.line) == ("one_sum", 14)
    assert first.code == "x = torch.tensor(1.0)\nif x > 0:\n    print(x + 2)\n"


@pytest.mark.parametrize("name", ["a1-product", "product", "third"])
def test_an_example_has_three_names(folder: Path, name: str) -> None:
    examples = list_examples(read_topics(folder))

    assert find_example(examples, name).id == "a1-product"


def test_a_name_that_two_have_is_refused_with_both(folder: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_example(list_examples(read_topics(folder)), "sum")

    assert str(caught.value) == "'sum' is the name of a1-sum and b2-sum. Say which one."


def test_an_unknown_name_gets_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_example(list_examples(read_topics(folder)), "a1-prodct")

    assert str(caught.value).startswith(
        "No example is called 'a1-prodct'. Nearest names: a1-product, "
    )


def test_missing_numbers_are_one_message(tmp_path: Path) -> None:
    with pytest.raises(GraphscopeError, match="The lectures' numbers are missing: "):
        load_oracles(tmp_path)
