"""Losses: the squared error, cross-entropy and its binary form."""

from typing import Final

from graphscope.diagram.labels import exponent_of
from graphscope.diagram.lecture.formula import PAIR, Formula, count_of, pair_of
from graphscope.diagram.lecture.inside import (
    Inside,
    Operand,
    in_brackets,
    inner_of,
    values_among,
)
from graphscope.model.graph import Op

_PLAIN: Final = frozenset({"", "0", "0.0", "None"})
_QUOTES: Final = "'\""


def squared_error_of(inside: Inside, op: Op) -> Formula | None:
    """`mse_loss(a, b)`."""
    pair = values_among(op)
    if len(pair) != PAIR:
        return None
    a, b = (inside.operand(op, argument) for argument in pair)
    return _error(_word(inside, op, a), (a, b), inner_of(a, b))


def reduced_square_of(inside: Inside, op: Op) -> Formula | None:
    """`((a - b) ** 2).mean()`, also with `sum`."""
    if len(op.arguments) != 1 or op.arguments[0].value is None:
        return None
    square = inside.maker(op, op.arguments[0].value)
    if square is None or not square.inputs:
        return None
    uses = _uses_in_square(square)
    difference = inside.maker(square, square.inputs[0], uses) if uses else None
    if difference is None or difference.name not in ("sub", "subtract"):
        return None
    pair = pair_of(difference)
    if pair is None:
        return None
    a, b = (inside.operand(difference, argument) for argument in pair)
    word = f"{op.name} of " if count_of(inside, difference.outputs[0]) > 1 else ""
    return _error(word, (a, b), (square, difference, *inner_of(a, b)))


def _uses_in_square(op: Op) -> int:
    """Return how often a square reads what it squares, 0 for what is no square."""
    exponent = exponent_of(op)
    if exponent is not None:
        return int(exponent.text.strip() in ("2", "2.0"))
    if op.name in ("mul", "multiply") and len(set(op.inputs)) == 1:
        return len(op.inputs) if len(op.inputs) == PAIR else 0
    return int(op.name == "square")


def _error(word: str, pair: tuple[Operand, Operand], inner: tuple[Op, ...]) -> Formula:
    a, b = pair
    text = f"{word}({a.text} − {in_brackets(b.text)})²"
    return Formula("squared error", text, pair, inner)


def cross_entropy_of(inside: Inside, op: Op) -> Formula | None:
    """`cross_entropy(z, y)`, which takes the softmax itself."""
    pair = values_among(op)
    if len(pair) != PAIR or not _is_plain(op):
        return None
    z, y = (inside.operand(op, argument) for argument in pair)
    return _entropy(inside, op, (z, y), inner_of(z, y))


def nll_of(inside: Inside, op: Op) -> Formula | None:
    """`nll_loss(log_softmax(z), y)`."""
    pair = values_among(op)
    if len(pair) != PAIR or not _is_plain(op):
        return None
    scores = inside.operand(op, pair[0])
    last = scores.inner[-1] if scores.inner else op
    value = scores.argument.value
    logs = None if value is None else inside.maker(last, value)
    if logs is None or logs.name != "log_softmax" or not logs.arguments:
        return None
    z, y = inside.operand(logs, logs.arguments[0]), inside.operand(op, pair[1])
    inner = (*scores.inner, logs, *inner_of(z, y))
    return _entropy(inside, op, (z, y), inner)


def _entropy(
    inside: Inside, op: Op, pair: tuple[Operand, Operand], inner: tuple[Op, ...]
) -> Formula:
    z, y = pair
    values = inside.selection.trace.graph.values
    target = None if y.argument.value is None else values[y.argument.value]
    word = _word(inside, op, y)
    text = f"{word}−log softmax({z.text})[{y.text}]"
    if target is not None and target.dtype.startswith(("float", "bfloat")):
        rows = target.shape[0] if len(target.shape) > 1 else 1
        word = word if rows > 1 else ""
        text = f"{word}−Σ {y.factor}·log softmax({z.text})"
    return Formula("cross-entropy", text, pair, inner)


def binary_entropy_of(inside: Inside, op: Op) -> Formula | None:
    """`binary_cross_entropy(sigmoid(z), y)`, or of an `a` that has a name."""
    pair = values_among(op)
    if len(pair) != PAIR:
        return None
    a, y = (inside.operand(op, argument) for argument in pair)
    last = a.inner[-1] if a.inner else op
    sigmoid = None if a.argument.value is None else inside.maker(last, a.argument.value)
    if sigmoid is None or sigmoid.name != "sigmoid" or len(sigmoid.arguments) != 1:
        return _binary(_word(inside, op, y), (a, y), a.factor, inner_of(a, y))
    z = inside.operand(sigmoid, sigmoid.arguments[0])
    inner = (*a.inner, sigmoid, *inner_of(z, y))
    return _binary(_word(inside, op, y), (z, y), f"σ({z.text})", inner)


def binary_entropy_of_logits(inside: Inside, op: Op) -> Formula | None:
    """`binary_cross_entropy_with_logits(z, y)`."""
    pair = values_among(op)
    if len(pair) != PAIR:
        return None
    z, y = (inside.operand(op, argument) for argument in pair)
    return _binary(_word(inside, op, y), (z, y), f"σ({z.text})", inner_of(z, y))


def _binary(
    word: str, pair: tuple[Operand, Operand], a: str, inner: tuple[Op, ...]
) -> Formula:
    y = pair[1].factor
    text = f"{word}−[{y}·log {a} + (1 − {y})·log(1 − {a})]"
    return Formula("binary cross-entropy", text, pair, inner)


def _is_plain(op: Op) -> bool:
    """Whether no option changes the formula."""
    options = {a.name: a.text for a in op.arguments if a.value is None}
    return options.get("label_smoothing", "") in _PLAIN


def _word(inside: Inside, op: Op, counted: Operand) -> str:
    """Return how a loss over several examples is reduced: `mean of `, `sum of `."""
    options = {a.name: a.text for a in op.arguments if a.value is None}
    chosen = options.get("reduction", "'mean'")
    value = counted.argument.value
    is_literal = chosen[:1] in _QUOTES and chosen[-1:] in _QUOTES
    word = chosen.strip(_QUOTES) if is_literal else ""
    is_one = value is not None and count_of(inside, value) == 1
    return f"{word} of " if word in ("mean", "sum") and not is_one else ""
