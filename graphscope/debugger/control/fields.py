"""Takes the fields out of a decoded object, by name and type, and refuses all else."""

from enum import StrEnum
from typing import Final, TypeVar

from graphscope.debugger.control.wire import MessageError

LONGEST_TEXT: Final = 4096
LARGEST: Final = 2**53 - 1
"""Largest count: every JSON reader has it exactly."""

Choice = TypeVar("Choice", bound=StrEnum)


class Fields:
    """One object of a message, whose fields are taken one after the other.

    Every method raises `MessageError` when its field is missing or something else.
    What an error says of the peer's names and values is at most their kind.
    """

    def __init__(self, content: object) -> None:
        if not isinstance(content, dict):
            raise MessageError("something else than an object")
        self._left: dict[str, object] = dict(content)

    def take(self, name: str) -> object:
        """Take a field of any type."""
        try:
            return self._left.pop(name)
        except KeyError:
            raise MessageError(f"no field {name}") from None

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """Take a string of at most `longest` characters, without lone surrogates."""
        value = self.take(name)
        if not isinstance(value, str) or len(value) > longest:
            raise MessageError(f"{name} is no text of up to {longest} characters")
        if not is_encodable(value):
            raise MessageError(f"{name} has half a character")
        return value

    def number(self, name: str, lowest: int = 0, highest: int = LARGEST) -> int:
        """Take an integer from `lowest` to `highest`; a bool is none."""
        value = self.take(name)
        if type(value) is not int or not lowest <= value <= highest:
            raise MessageError(f"{name} is no number from {lowest} to {highest}")
        return value

    def maybe_number(self, name: str, highest: int = LARGEST) -> int | None:
        """Take an integer from 0 on, or null."""
        if name in self._left and self._left[name] is None:
            self.take(name)
            return None
        return self.number(name, highest=highest)

    def flag(self, name: str) -> bool:
        """Take true or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise MessageError(f"{name} is neither true nor false")
        return value

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        """Take one of the values of `kind`."""
        try:
            return kind(self.text(name))
        except ValueError:
            raise MessageError(f"{name} is an unknown one") from None

    def items(self, name: str, most: int) -> list[object]:
        """Take a list of at most `most` items."""
        value = self.take(name)
        if not isinstance(value, list) or len(value) > most:
            raise MessageError(f"{name} is no list of up to {most} items")
        return value

    def end(self) -> None:
        """Refuse fields that nobody has taken."""
        if self._left:
            raise MessageError(f"{len(self._left)} unknown fields")


def is_encodable(text: str) -> bool:
    """Whether `text` is free of lone surrogates.

    >>> is_encodable("café"), is_encodable(chr(0xD800))
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
