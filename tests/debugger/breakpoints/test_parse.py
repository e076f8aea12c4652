"""The text form of breakpoints."""

import pytest
from hypothesis import given, strategies as st

from graphscope.debugger.breakpoints import (
    Breakpoint,
    check_breakpoint,
    parse_breakpoint,
)
from graphscope.debugger.breakpoints.parse import MAX_LENGTH
from graphscope.errors import DebuggerError


def describe(found: Breakpoint) -> str:
    """Return the parts of a breakpoint: place | condition | hit, ignore."""
    place = found.place
    where = "-"
    if place is not None:
        exact = "=" if place.pattern.is_exact else "~"
        line = f" {place.line}" if place.line else ""
        where = f"{place.kind.value}{exact}{place.pattern.text}{line}"
    when = found.condition.text if found.condition is not None else "-"
    return f"{where} | {when} | {found.hit}, {found.ignore}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fc1", "any~fc1 | - | 0, 0"),
        ("  fc1\t", "any~fc1 | - | 0, 0"),
        ("encoder.layers.*", "any~encoder.layers.* | - | 0, 0"),
        ("MulBackward0", "any~MulBackward0 | - | 0, 0"),
        ("loss", "any~loss | - | 0, 0"),
        ("step", "any~step | - | 0, 0"),
        ("'fc1.weight'", "any=fc1.weight | - | 0, 0"),
        ("op:relu", "op~relu | - | 0, 0"),
        ("module:encoder.*", "module~encoder.* | - | 0, 0"),
        ("module: block-1", "module~block-1 | - | 0, 0"),
        ("var:b", "var~b | - | 0, 0"),
        ("var:'my name'", "var=my name | - | 0, 0"),
        ('var:"if x hit 3"', "var=if x hit 3 | - | 0, 0"),
        ("node:Mul*", "node~Mul* | - | 0, 0"),
        ("phase:backward", "phase~backward | - | 0, 0"),
        ("train.py:41", "line=train.py 41 | - | 0, 0"),
        ("line:train.py:41", "line=train.py 41 | - | 0, 0"),
        ("line:41", "line= 41 | - | 0, 0"),
        ("src/train.py:41", "line=src/train.py 41 | - | 0, 0"),
        ("my dir/train.py:41", "line=my dir/train.py 41 | - | 0, 0"),
        ("line:'my if/train.py:41'", "line=my if/train.py 41 | - | 0, 0"),
        ("'my if/train.py':41", "line=my if/train.py 41 | - | 0, 0"),
        ("line:'my if/train.py':41", "line=my if/train.py 41 | - | 0, 0"),
        (r"C:\src\train.py:41", r"line=C:\src\train.py 41 | - | 0, 0"),
        ("has_nan", "- | has_nan | 0, 0"),
        ("none_grad hit 3", "- | none_grad | 3, 0"),
        ("grad.l2 > 1e3", "- | grad.l2 > 1e3 | 0, 0"),
        ("grad.has_nan", "- | grad.has_nan | 0, 0"),
        ("'w'.grad.has_nan", "- | 'w'.grad.has_nan | 0, 0"),
        ("step == 7", "- | step == 7 | 0, 0"),
        ("loss==7", "- | loss==7 | 0, 0"),
        ("not has_nan", "- | not has_nan | 0, 0"),
        ("True hit 50", "- | True | 50, 0"),
        ("if loss > 3", "- | loss > 3 | 0, 0"),
        ("loss > hit", "- | loss > hit | 0, 0"),
        ("fc1 if loss > 3", "any~fc1 | loss > 3 | 0, 0"),
        ("fc1 if loss > 3 ignore 2 hit 4", "any~fc1 | loss > 3 | 4, 2"),
        ("fc1 hit 4 ignore 2", "any~fc1 | - | 4, 2"),
        ("train.py:41 if 'if' > 3", "line=train.py 41 | 'if' > 3 | 0, 0"),
        ("var:b if b.grad.l2>1 hit 1", "var~b | b.grad.l2>1 | 1, 0"),
    ],
)
def test_a_breakpoint_has_a_place_a_condition_and_counts(
    text: str, expected: str
) -> None:
    found = parse_breakpoint(text)
    assert describe(found) == expected
    assert found.text == text.strip()
    assert describe(parse_breakpoint(found.text)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        """\
There is no phase 'bakward'. Nearest: backward.
  phase:bakward
        ^""",
        """\
There is no phase 'three'. There are: forward, loss, zero, backward, update.
  phase:three
        ^""",
        """\
There is no kind of place 'modul'. Nearest: module.
  modul:fc1
  ^""",
        """\
A condition is missing after 'if'.
  fc1 if
        ^""",
        """\
After 'hit' stands a whole number.
  fc1 if loss > 1 hit
                     ^""",
        """\
After 'ignore' stands a whole number.
  fc1 ignore -1
             ^""",
        """\
After 'hit' stands a number from 1 to 1,000,000,000.
  fc1 hit 0
          ^""",
        """\
'hit' stands here twice.
  fc1 hit 2 hit 3
      ^""",
        """\
'has_nan' is a condition: join it to the other with 'and'.
  has_nan if step > 3
  ^""",
        """\
There is no number 'l3' of a tensor. Nearest: l2.
  fc1 if grad.l3 > 1 hit 2
              ^""",
        """\
There is no '=' here. Compare with '=='; a single '=' would set a value, which \
nothing here can.
  train.py:41 if step = 3
                      ^""",
        """\
This does not continue the expression.
  grad.l2 > > 1
            ^""",
        """\
A name is missing after 'op:'.
  op: if step > 1
     ^""",
        """\
A place is one word; write a name with other characters in quotes.
  op:my relu
       ^""",
        """\
A place is one word; write a name with other characters in quotes.
  fc1 fc2 if step > 1
     ^""",
        """\
An operator is missing here.
  fc1 fc2
      ^""",
        """\
A line is FILE:NUMBER, such as train.py:41.
  train.py:abc
           ^""",
        """\
A line is FILE:NUMBER, such as train.py:41.
  line:train.py:0
                ^""",
        """\
A name is missing between the quotes.
  var:''
      ^""",
        """\
This quote is never closed.
  var:b if 'x > 1
           ^""",
    ],
)
def test_a_mistake_is_told_with_a_caret(expected: str) -> None:
    text = expected.splitlines()[1][2:]
    with pytest.raises(DebuggerError) as caught:
        parse_breakpoint(text)
    assert str(caught.value) == expected


@pytest.mark.parametrize("text", ["", "   ", " hit 3"])
def test_nothing_is_no_breakpoint(text: str) -> None:
    with pytest.raises(DebuggerError):
        parse_breakpoint(text)


def test_a_text_is_not_longer_than_a_screen() -> None:
    with pytest.raises(DebuggerError, match="at most 600 characters"):
        parse_breakpoint("a" * (MAX_LENGTH + 1))


def test_what_cannot_be_seen_is_refused() -> None:
    for text in ("op:a\x00b", "var:'a\nb'", "fc1 if\x1b loss > 1", "'a\u202eb'"):
        with pytest.raises(DebuggerError, match="cannot stand here"):
            parse_breakpoint(text)


def test_names_of_a_condition_can_be_checked() -> None:
    found = parse_breakpoint("  fc1 if lss.max > 1 hit 3")
    check_breakpoint(found, ["lss"])
    check_breakpoint(parse_breakpoint("fc1"), [])
    with pytest.raises(DebuggerError) as caught:
        check_breakpoint(found, ["loss_d", "w"])
    assert str(caught.value) == (
        "No value is named 'lss'. Nearest: loss, loss_d, pass.\n"
        "  fc1 if lss.max > 1 hit 3\n"
        "         ^"
    )


PIECES = [
    *("fc1", "op:", "var:", "line:", "phase:", "'a b'", "a.py:3", "*", ".", "[", "]"),
    *(
        " if ",
        " hit ",
        " ignore ",
        "3",
        "0",
        " ",
        "loss",
        ">",
        "has_nan",
        "'",
        ":",
        "é",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_refused_or_read_again_the_same(text: str) -> None:
    try:
        found = parse_breakpoint(text)
    except DebuggerError as error:
        assert str(error).splitlines()[2].strip() == "^"  # noqa: PT017 - one of two
    else:
        assert found.place is not None or found.condition is not None
        again = parse_breakpoint(found.text)
        assert describe(again) == describe(found)
