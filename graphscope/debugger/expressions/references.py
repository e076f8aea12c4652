"""What a word of an expression refers to, and how its number is read."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from graphscope.debugger.arrival import Arrival, Aspect
from graphscope.debugger.expressions.filters import FILTERS
from graphscope.debugger.expressions.mistakes import Mistake, nearest_of, quoted
from graphscope.debugger.expressions.numbers import (
    NUMBERS,
    SCALAR_NUMBERS,
    Answer,
    plain_number,
)
from graphscope.debugger.expressions.tokens import Token
from graphscope.debugger.expressions.words import ASPECTS, CONSTANTS, COUNTERS, LOSS
from graphscope.errors import UnknownNameError
from graphscope.model.observation import Observation

Reader = Callable[[Arrival], Answer]


@dataclass(frozen=True, slots=True)
class Reference:
    """One thing that has a number.

    Attributes:
        read: Reads the number.
        name: The user's name that it mentions, empty when it mentions none.
        position: Where that name begins in the text.
        is_of_event: Whether it is about the event itself, not about the step so far.
        is_quoted: Whether the name stands in quotes.
    """

    read: Reader = field(compare=False)
    name: str = ""
    position: int = 0
    is_of_event: bool = False
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    """One of the words that dots join, and where it begins."""

    text: str
    position: int


def resolve(token: Token) -> Reference:
    """Return what `token` refers to.

    Raises:
        Mistake: It asks something for a number that there is not.
    """
    if token.text[0] in "'\"":
        return _resolve_quoted(token)
    head, *rest = words = _split(token.text, token.start)
    word = head.text
    if word in FILTERS:
        _refuse_any(head, rest)
        return Reference(FILTERS[word], is_of_event=True)
    if word in COUNTERS:
        _refuse_any(head, rest)
        return Reference(_read_step if word == "step" else _read_pass)
    if word in CONSTANTS and not rest:
        constant = CONSTANTS[word]
        return Reference(lambda _: constant)
    if word in ASPECTS:
        return Reference(_own_reader(ASPECTS[word], _number(rest)), is_of_event=True)
    if word == LOSS:
        return Reference(_loss_reader(*_aspect_and_number(rest)))
    return _resolve_bare(words)


def _split(text: str, start: int) -> list[_Word]:
    words, position = [], start
    for part in text.split("."):
        words.append(_Word(part, position))
        position += len(part) + 1
    return words


def _resolve_quoted(token: Token) -> Reference:
    end = token.text.index(token.text[0], 1)
    name = token.text[1:end]
    if not name.strip():
        raise Mistake("A name is missing between the quotes.", token.start)
    tail = token.text[end + 2 :]
    rest = _split(tail, token.start + end + 2) if tail else []
    return replace(_named(name, token.start, rest), is_quoted=True)


def _resolve_bare(words: list[_Word]) -> Reference:
    """Take the longest name: strip a number's word, then an aspect's, from the end."""
    count = len(words)
    if count > 1 and words[-1].text in NUMBERS:
        count -= 1
    if count > 1 and words[count - 1].text in ASPECTS:
        count -= 1
    name = ".".join(word.text for word in words[:count])
    if len(words) == count > 2 and words[-2].text in ASPECTS:  # noqa: PLR2004
        _number(words[-1:])  # refuses: what follows an aspect was meant as a number
    return _named(name, words[0].position, words[count:])


def _named(name: str, position: int, rest: list[_Word]) -> Reference:
    aspect, number = _aspect_and_number(rest)
    read = partial(_read_named, name, aspect, number)
    return Reference(read, name, position)


def _aspect_and_number(
    rest: list[_Word],
) -> tuple[Aspect, str]:
    if rest and rest[0].text in ASPECTS:
        return ASPECTS[rest[0].text], _number(rest[1:])
    return Aspect.VALUE, _number(rest, also=tuple(ASPECTS))


def _number(rest: list[_Word], also: tuple[str, ...] = ()) -> str:
    """Return the number's word that `rest` consists of, empty for none."""
    if not rest:
        return ""
    word = rest[0]
    if word.text not in NUMBERS:
        near = nearest_of(word.text, (*NUMBERS, *also))
        raise Mistake(
            f"There is no number {quoted(word.text)} of a tensor.{near}", word.position
        )
    _refuse_any(word, rest[1:])
    return word.text


def _refuse_any(head: _Word, rest: list[_Word]) -> None:
    if rest:
        raise Mistake(
            f"{quoted(head.text)} is a number already: nothing can be asked of it.",
            rest[0].position,
        )


def _read_step(arrival: Arrival) -> Answer:
    return arrival.step


def _read_pass(arrival: Arrival) -> Answer:
    return arrival.pass_index


def _own_reader(aspect: Aspect, number: str) -> Reader:
    read: Callable[[Observation], Answer] = NUMBERS.get(number, plain_number)

    def run(arrival: Arrival) -> Answer:
        seen = arrival.own(aspect)
        return None if seen is None else read(seen)

    return run


def _read_named(name: str, aspect: Aspect, number: str, arrival: Arrival) -> Answer:
    try:
        seen = arrival.named(name, aspect)
    except UnknownNameError:  # nothing in the step has the name yet
        return None
    return None if seen is None else NUMBERS.get(number, plain_number)(seen)


def _loss_reader(aspect: Aspect, number: str) -> Reader:
    """Return a reader of the loss: the user's, whatever it is called.

    A loss that is no scalar yet, and its gradient, are those of the value `loss`.
    """
    named = partial(_read_named, LOSS, aspect, number)
    if aspect is not Aspect.VALUE:
        return named
    read: Callable[[float], Answer] = SCALAR_NUMBERS.get(number, float)

    def run(arrival: Arrival) -> Answer:
        found = arrival.loss()
        return named(arrival) if found is None else read(found)

    return run
