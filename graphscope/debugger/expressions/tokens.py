"""Splits an expression into words, numbers and signs, and refuses all other characters.

Separate from the parser, because names come first: `layers.0.weight.grad` and `'my
name'.l2` are one word each here, and Python's parser never sees them. It is given a
text of the same length that has an identifier in their place, so columns stay right.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from keyword import iskeyword
from typing import Final
from unicodedata import normalize

from graphscope.debugger.expressions.functions import FUNCTIONS
from graphscope.debugger.expressions.mistakes import (
    Mistake,
    check_characters,
    nearest_of,
    quoted,
)
from graphscope.debugger.expressions.words import (
    FIELDS,
    FOREIGN,
    OPERATOR_WORDS,
    SIGNS,
    TRUTHS,
)

_LEXER: Final = re.compile(
    r"""
      (?P<space>[ \t]+)
    | (?P<quoted>'[^']*'(?:\.\w+)*|"[^"]*"(?:\.\w+)*)
    | (?P<number>(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<word>\w+(?:\.\w+)*)
    | (?P<wrong>&&|\|\||:=|[-+*/%]=|=(?!=))
    | (?P<sign>\*\*|//|[<>=!]=|[-+*/%<>(),])
    """,
    re.VERBOSE,
)


class Sort(Enum):
    """What a token is to the parser."""

    REFERENCE = auto()  # something that has a number: a field, a name, a filter
    FUNCTION = auto()
    NUMBER = auto()  # True and False too
    OPERATOR = auto()
    OPEN = auto()
    CLOSE = auto()


_ENDS: Final = (Sort.REFERENCE, Sort.NUMBER, Sort.CLOSE)
_BEGINS: Final = (Sort.REFERENCE, Sort.NUMBER, Sort.FUNCTION, Sort.OPEN)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text."""

    sort: Sort
    start: int
    text: str

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.start + len(self.text)


def split_text(text: str) -> list[Token]:
    """Return the tokens of `text`.

    Raises:
        Mistake: It has something that no expression has.
    """
    check_characters(text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _LEXER.match(text, position)
        if found is None or found.lastgroup is None:
            raise _refuse_character(text, position)
        if found.lastgroup != "space":
            token = _classify(found.lastgroup, found.group(), position, text)
            if tokens:
                _check_neighbours(tokens[-1], token)
            tokens.append(token)
        position = found.end()
    return tokens


def _classify(group: str, found: str, start: int, text: str) -> Token:
    if group == "wrong":
        raise _refuse_sign(found, start)
    if group == "word":
        return _classify_word(found, start, text)
    sort = {
        "quoted": Sort.REFERENCE,
        "number": Sort.NUMBER,
        "(": Sort.OPEN,
        ")": Sort.CLOSE,
    }.get(found if found in "()" else group, Sort.OPERATOR)
    return Token(sort, start, found)


def _classify_word(word: str, start: int, text: str) -> Token:
    end = start + len(word)
    if word in OPERATOR_WORDS:
        return Token(Sort.OPERATOR, start, word)
    if word in TRUTHS:
        return Token(Sort.NUMBER, start, word)
    _check_word(word, start)
    if text[end:].lstrip(" \t").startswith("("):
        if word not in FUNCTIONS:
            near = nearest_of(word, FUNCTIONS)
            raise Mistake(f"There is no function {quoted(word)}.{near}", start)
        return Token(Sort.FUNCTION, start, word)
    return Token(Sort.REFERENCE, start, word)


def _check_word(word: str, start: int) -> None:
    if iskeyword(word) and word not in FIELDS:
        hint = FOREIGN.get(
            word, f"Put it into quotes if a value is called so: '{word}'."
        )
        raise Mistake(f"There is no word {quoted(word)} here. {hint}", start)
    if word[0].isdigit() and "." not in word:
        raise Mistake(f"{quoted(word)} is no number.", start)
    if normalize("NFKC", word) != word:
        near = normalize("NFKC", word)
        raise Mistake(f"Write {quoted(near)} in plain letters.", start)
    for part in re.finditer(r"[^.]+", word):
        if part.group().startswith("__"):
            raise Mistake(
                "Only in quotes may a name begin with two underscores.",
                start + part.start(),
            )


def _check_neighbours(left: Token, right: Token) -> None:
    if left.sort in _ENDS and right.sort in _BEGINS:
        raise Mistake("An operator is missing here.", right.start)
    if left.end == right.start and _is_word(left) and _is_word(right):
        raise Mistake("A space is missing here.", right.start)


def _is_word(token: Token) -> bool:
    """Whether it would become one identifier with another directly beside it."""
    return token.sort is Sort.REFERENCE or token.text[-1].isalnum()


def _refuse_character(text: str, position: int) -> Mistake:
    character = text[position]
    if character in {"'", '"'}:
        return Mistake("This quote is never closed.", position)
    if character == ".":
        return Mistake(
            "A '.' stands only between a name and what is asked of it.", position
        )
    return _refuse_sign(character, position)


def _refuse_sign(sign: str, position: int) -> Mistake:
    hint = SIGNS.get(sign) or (SIGNS["="] if sign.endswith("=") else "")
    return Mistake(f"There is no {quoted(sign)} here. {hint}".rstrip(), position)


def substitute(text: str, tokens: list[Token]) -> str:
    """Return `text` with an identifier of the same length for each reference.

    >>> text = "'my w'.grad.l2 > 2 * pass"
    >>> substitute(text, split_text(text))
    'xxxxxxxxxxxxxx > 2 * xxxx'
    """
    parts = [" "] * len(text)
    for token in tokens:
        is_reference = token.sort is Sort.REFERENCE
        new = "x" * len(token.text) if is_reference else token.text
        parts[token.start : token.end] = new
    return "".join(parts)
