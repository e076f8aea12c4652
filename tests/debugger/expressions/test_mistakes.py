"""What is told of a text that is no expression: a sentence, and a caret."""

import pytest

from graphscope.debugger.expressions import check_names, parse_expression
from graphscope.errors import DebuggerError


def refuse(text: str) -> str:
    with pytest.raises(DebuggerError) as caught:
        parse_expression(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "expected",
    [
        """\
There is no number 'l3' of a tensor. Nearest: l2.
  grad.l3 > 1
       ^""",
        """\
There is no number 'l3' of a tensor. Nearest: l2.
  fc1.weight.grad.l3 > 1
                  ^""",
        """\
There is no number 'l3' of a tensor. Nearest: l2.
  pass > 'fc1.weight'.grad.l3
                           ^""",
        """\
There is no number 'quantile' of a tensor. There are: l2, min, max, mean, std, \
has_nan, has_inf, zeros.
  value.quantile
        ^""",
        """\
There is no '=' here. Compare with '=='; a single '=' would set a value, which \
nothing here can.
  loss = 3
       ^""",
        """\
There is no '+=' here. Compare with '=='; a single '=' would set a value, which \
nothing here can.
  loss += 3
       ^""",
        """\
There is no '&&' here. Write 'and'.
  loss > 1 && step > 2
           ^""",
        """\
There is no '−' here. Write '-', the minus sign of the keyboard.
  loss − 1 > 2
       ^""",
        """\
There is no word 'is' here. Compare with '=='; a gradient that is None is found by \
'none_grad'.
  w.grad is None
         ^""",
        """\
There is no word 'lambda' here. Put it into quotes if a value is called so: 'lambda'.
  lambda: 3
  ^""",
        """\
There is no function 'log2'. Nearest: log.
  1 + log2(w)
      ^""",
        """\
The function 'abs' takes one number.
  abs(1, 2) > 1
  ^""",
        """\
The function 'max' takes two or more numbers.
  max(w) > 1
  ^""",
        """\
A function is given numbers, without names.
  min(1, 2, **w) > 1
  ^""",
        """\
'step' is a number already: nothing can be asked of it.
  step.l2 > 1
       ^""",
        """\
'has_nan' is a number already: nothing can be asked of it.
  has_nan.grad
          ^""",
        """\
'l2' is a number already: nothing can be asked of it.
  grad.l2.max
          ^""",
        """\
An operator is missing here.
  loss > 1 step > 2
           ^""",
        """\
Something is missing after this.
  loss > 1 and
              ^""",
        """\
This does not continue the expression.
  loss > > 3
         ^""",
        """\
This does not continue the expression.
  loss > * 3 and pass
         ^""",
        """\
This parenthesis is never closed.
  (loss > 1
  ^""",
        """\
This parenthesis was never opened.
  loss > 1)
          ^""",
        """\
Something is missing between these parentheses.
  loss + ()
         ^""",
        """\
A ',' stands only between what a function is given.
  loss, step
  ^""",
        """\
This quote is never closed.
  'loss > 1
  ^""",
        """\
A name is missing between the quotes.
  1 < ''.l2
      ^""",
        """\
A '.' stands only between a name and what is asked of it.
  w. > 3
   ^""",
        """\
'3x' is no number.
  3x > 1
  ^""",
        """\
Write 'grad.l2' in plain letters.
  ｇrad.l2 > 1
  ^""",
        """\
An operator is missing here.
  f'abc' > 1
   ^""",
        """\
A space is missing here.
  loss > 1 and'w' > 2
              ^""",
        """\
A space is missing here.
  'w'or loss
     ^""",
        """\
Only in quotes may a name begin with two underscores.
  w.__class__ > 1
    ^""",
        """\
An operator is missing here.
  (loss)(3)
        ^""",
        """\
There is no '[' here.
  w[1:2]
   ^""",
    ],
)
def test_a_mistake_is_told_with_a_caret(expected: str) -> None:
    text = expected.splitlines()[1][2:]
    assert refuse(text) == expected


def test_the_caret_counts_the_spaces_before_the_expression() -> None:
    assert refuse("  loss > > 3").splitlines()[1:] == ["    loss > > 3", " " * 11 + "^"]


def test_a_character_that_nobody_can_see_is_shown_as_one_that_all_can() -> None:
    assert refuse("loss\x00 > 3") == (
        "The character U+0000 cannot stand here.\n  loss� > 3\n      ^"
    )
    assert refuse("'my\nname' > 3") == (
        "The character U+000A cannot stand here.\n  'my�name' > 3\n     ^"
    )


def test_a_tab_is_a_space() -> None:
    assert refuse("loss\t> > 3").splitlines()[1:] == ["  loss > > 3", "         ^"]


def test_nothing_is_no_expression() -> None:
    assert refuse("") == "An expression is missing.\n  \n  ^"
    assert refuse("  ").startswith("An expression is missing.")


def test_a_very_long_text_is_shown_in_part() -> None:
    message = refuse("loss > " + "1" * 5000)
    first, text, caret = message.splitlines()
    assert first == "An expression has at most 300 characters."
    assert text == "  " + "1" * 152
    assert caret == " " * 78 + "^"


def test_a_very_long_word_is_shortened() -> None:
    message = refuse(f"value.{'a' * 280}")
    assert message.splitlines()[0] == (
        f"There is no number '{'a' * 39}…' of a tensor. "
        "There are: l2, min, max, mean, std, has_nan, has_inf, zeros."
    )


KNOWN = ["loss_d", "w", "w2", "fc1.weight"]


def refuse_name(text: str) -> str:
    expression = parse_expression(text)
    with pytest.raises(DebuggerError) as caught:
        check_names(expression, KNOWN)
    return str(caught.value)


def test_a_name_that_no_value_has_is_told_with_the_nearest() -> None:
    assert refuse_name("step > 3 and loss_g.max > 1") == (
        "No value is named 'loss_g'. Nearest: loss_d, loss.\n"
        "  step > 3 and loss_g.max > 1\n"
        "               ^"
    )


def test_filters_are_near_names_too() -> None:
    assert refuse_name("has_nans").startswith(
        "No value is named 'has_nans'. Nearest: has_nan, has_inf, pass."
    )
    assert refuse_name("stepp == 3").startswith(
        "No value is named 'stepp'. Nearest: step."
    )


def test_a_number_that_there_is_not_is_told_of_a_bare_name() -> None:
    assert refuse_name("fc1.weight.l3 > 1") == (
        "There is no number 'l3' of a tensor. Nearest: l2.\n"
        "  fc1.weight.l3 > 1\n"
        "             ^"
    )


def test_a_quoted_name_is_taken_as_it_is() -> None:
    assert refuse_name("'w.l2' > 1").startswith("No value is named 'w.l2'. Nearest: w")
    assert refuse_name("'w '.l2 > 1").startswith("No value is named 'w '. Nearest: w")


def test_known_names_pass() -> None:
    texts = ("w.grad.l2 > 1", "'w2' < 3", "fc1.weight.has_nan", "loss > 1", "step")
    for text in texts:
        check_names(parse_expression(text), KNOWN)
    with pytest.raises(DebuggerError, match="'step'"):
        check_names(parse_expression("'step' > 1"), KNOWN)
