"""Texts that try to run code, to take for ever, or to be taken for something else."""

import sys
import warnings
from itertools import product
from threading import Thread

import pytest
from hypothesis import given, strategies as st

from graphscope.debugger.arrival import Aspect
from graphscope.debugger.expressions import check_names, parse_expression
from graphscope.debugger.expressions.compile import MAX_DEPTH, MAX_LENGTH
from graphscope.errors import DebuggerError
from tests.debugger.arrivals import MadeUp, seen

KNOWN = ("w", "loss", "fc1.weight")

CALLS = [
    f"{function}({argument})"
    for function, argument in product(
        (
            *("eval", "exec", "compile", "open", "input", "print", "__import__"),
            *("getattr", "setattr", "vars", "dir", "globals", "locals", "type"),
            *("breakpoint", "exit", "help", "range", "list", "str", "w", "grad"),
            *("os.system", "w.grad.l2", "'w'", "int.__class__", "rand", "randint"),
        ),
        ("", "'1'", "w", "1, 2"),
    )
]
ATTRIBUTES = [
    f"{head}.{tail}"
    for head, tail in product(
        ("w", "'w'", "grad", "loss", "step", "has_nan", "(1)", "1.0", "fc1.weight"),
        (
            *("__class__", "__class__.__bases__", "__dict__", "__globals__.x"),
            *("func_globals", "gi_frame", "mro", "format", "real.imag"),
        ),
    )
]
PYTHON = [
    *("import os", "from os import path", "import os as w", "del w", "assert w"),
    *("return 1", "raise w", "global w", "class w: pass", "def f(): pass"),
    *("while True: pass", "for w in grad: pass", "with w: pass", "try: w"),
    *("lambda: 1", "lambda w: w", "(lambda: 1)()", "yield w", "await w", "async w"),
    *("w if loss else 1", "1 if 1 else 2", "w in grad", "w not in grad", "w is w"),
    *("None", "...", "Ellipsis.x.y()", "NotImplemented()", "__debug__", "__name__"),
    *("w = 1", "w := 1", "(w := 1)", "w += 1", "w: int = 1", "w == 1; loss == 2"),
    *("w[0]", "w[0:1]", "w['a']", "grad[...]", "[1][0]", "'w'[0]"),
    *("[1, 2]", "{1, 2}", "{1: 2}", "(1, 2)", "()", "[]", "{}", "*w", "**w", "w,"),
    *("[w for w in grad]", "{w for w in grad}", "(w for w in grad)", "{w: 1 for w}"),
    *("f'{w}'", 'f"{w}"', "b'w'", "r'w'", "u'w'", "rb'w'", "'w' 'w'", "'''w'''"),
    *("f'{__import__(\"os\")}'", "'%s' % 'w'.l", "'w'.format(1)", "'w' * 9 * w.x.y()"),
    *("w @ grad", "w << 1", "w >> 1", "w & 1", "w | 1", "w ^ 1", "~w", "!w", "w?"),
    *("w <> 1", "w === 1", "w =! 1", "w =< 1", "w => 1", "w && 1", "w || 1"),
    *("max(*w)", "max(w, key=1)", "max(**w)", "abs(w for w in grad)", "abs(x=w)"),
    *("abs", "max", "sqrt", "abs()", "abs(1, 2)", "min()", "min(1)", "max(1)"),
    *("abs(1)(2)", "abs.__call__(1)", "sqrt.__self__", "1(2)", "w(1)", "(w)(1)"),
    *("w # comment", "#", "w \\", "\\", "`w`", "$w", "@w", "w;", ";", "w:", ":"),
    *("print w", "exec 'w'", "w w", "1 2", "w 1", "1 w", "'w' w", "w 'w'"),
    *("0x10", "0b1", "0o7", "1j", "1L", "1__0", "1_", "0777", "1e", "1e+", "1.2.3"),
    *("not", "and", "or", "w and", "or w", "w not", "w and or w", "not and w"),
    *("+", "-", "w +", "* w", "w ** ", "(", ")", "((w)", "(w))", ")w(", "w)("),
    *("w..l2", ".w", "w.", "..", "w .l2", "w. l2", "'w'.", "'w'..l2", "'w' .l2"),
    *("'", '"', "'w", 'w"', "'w\"", "''", '""', "' '", "''.l2", "'w'w", "w'w'"),
]
LOOK_ALIKES = [
    *("ｇrad > 1", "gｒad.l2 > 1", "ｌoss > 1", "𝐥𝐨𝐬𝐬 > 1", "lo\u017fs > 1"),
    *("gr\u0430d > 1", "l\u043ess > 1", "\u0435val(1)", "｡", "loss ＞ 1", "loss ＝ 1"),
    *("（loss）", "loss \u2265 1", "loss \u2212 1", "loss \u00d7 2", "loss\u037e"),
    *("loss > １", "loss > ٣", "loss > 1\u00b2", "\u2160 > 1", "½ > w", "∞"),
    *("loss\u200b > 1", "lo\u00adss > 1", "\ufeffloss > 1", "loss\u2028> 1"),
    *("loss\u00a0> 1", "\u202eloss > 1", "loss\u0301 > 1", "\ud800 > 1", "_＿class__"),
]
CONTROLS = [f"loss{chr(code)}> 1" for code in (*range(9), *range(10, 32), 127, 0x85)]
LONG = [
    *("9" * 400, "(" * 400, "-" * 299 + "1", "not " * 70 + "w", "(" * 149 + "1"),
    "(" * 100 + "1" + ")" * 100,
    "-" * 100 + "1",
    "+" * 200 + "w",
    "2**" * 99 + "2",
    "1+" * 145 + "1",
    "1<" * 149 + "1(",
    "w and (" * 42 + "w" + ")" * 42,
    "abs(" * 60 + "1" + ")" * 60,
    "w." * 200 + "l2",
    "'" + "a" * 500 + "'",
    "loss > 1 or " * 26,
    "\0" * 1_000_000,
    "(" * 1_000_000,
    "9" * 10_000_000,
]
HOSTILE = [
    *CALLS,
    *ATTRIBUTES,
    *PYTHON,
    *LOOK_ALIKES,
    *CONTROLS,
    *LONG,
]


def test_there_are_many_hostile_texts() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) > 400


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(DebuggerError) as caught:
        check_names(parse_expression(text), KNOWN)
    sentence, shown, caret = str(caught.value).splitlines()
    assert sentence.endswith((".", "'"))
    assert all(line.isprintable() for line in (sentence, shown, caret))
    assert len(sentence) < 250
    assert caret.strip() == "^"
    assert len(shown) <= 2 + 2 * 76
    assert len(caret) <= len(shown) + 1


@pytest.mark.parametrize(
    "text",
    [
        *("9**9**9**9", "10**400", "9999999**9999999", "-9**9**9", "2**-99999"),
        *("9" * 290 + "**9999", "(9**9)**(9**9)", "1e308*10**10", "w**w**w**w**w"),
        *("1/0", "0**-1", "inf-inf", "nan**nan", "exp(99999)", "log(-1)", "1%0.0"),
    ],
)
def test_what_would_take_for_ever_takes_no_time(text: str) -> None:
    event = MadeUp(values={"w": {Aspect.VALUE: seen(9e9)}})
    found = parse_expression(text).evaluate(event)
    assert found is None or isinstance(found, float)


def test_a_warning_of_the_parser_reaches_nobody() -> None:
    """In the process that trains, a warning would be the user's."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for text in ("1or 2", "1 is 1", "'\\d' > 1", "1if 1else 2", "1 == 'w'.l2"):
            try:
                parse_expression(text)
            except DebuggerError:
                continue
    assert caught == []


def test_warning_filters_stay_as_they_are() -> None:
    before = warnings.filters
    state = list(before)
    parse_expression("w.grad.l2 > 1e3 and has_nan")
    assert warnings.filters is before
    assert list(warnings.filters) == state


def test_the_deepest_expression_needs_a_small_stack_only() -> None:
    text = "not " * (MAX_DEPTH - 3) + "w"
    with pytest.raises(DebuggerError):
        parse_expression("not " * MAX_DEPTH + "w")
    found: list[bool] = []
    limit = sys.getrecursionlimit()

    def run() -> None:
        found.append(parse_expression(text).holds(MadeUp()))

    sys.setrecursionlimit(400)
    try:
        thread = Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
    assert found == [bool((MAX_DEPTH - 3) % 2)]


ALPHABET = [
    *(
        "w",
        "loss",
        "grad",
        "'w'",
        ".l2",
        ".grad",
        "has_nan",
        "step",
        "pass",
        "1",
        "2.5",
    ),
    *("+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "="),
    *(
        "(",
        ")",
        ",",
        " ",
        "and",
        "or",
        "not",
        "abs",
        "max",
        "'",
        ".",
        "__",
        "é",
        "\x00",
    ),
]
EVENT = MadeUp(
    loss_number=1.0,
    seen={Aspect.GRAD: seen(0.0, 2.0)},
    values={"w": {Aspect.VALUE: seen(3.0)}},
)


@given(st.lists(st.sampled_from(ALPHABET), max_size=30).map("".join))
def test_any_text_is_refused_or_worked_out(text: str) -> None:
    try:
        expression = parse_expression(text)
    except DebuggerError as error:
        assert str(error).splitlines()[2].strip() == "^"  # noqa: PT017 - one of two
    else:
        assert isinstance(expression.evaluate(EVENT), int | float | None)
        assert isinstance(expression.holds(EVENT), bool)


@given(st.text(max_size=MAX_LENGTH + 5))
def test_any_characters_are_refused_or_worked_out(text: str) -> None:
    try:
        parse_expression(text).evaluate(EVENT)
    except DebuggerError as error:
        assert len(str(error).splitlines()) == 3  # noqa: PT017 - one of two
