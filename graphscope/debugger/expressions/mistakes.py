"""What is wrong with a text that a user typed, and where: shown with a caret."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

from graphscope.errors import DebuggerError
from graphscope.model.names import nearest_names

_COMPARED: Final = 100  # characters of a word: comparing takes their square
_ALIKE: Final = 0.5
_SHOWN: Final = 76  # characters of the text on each side of a mistake


class Mistake(Exception):  # noqa: N818 - what the user made, not what fails here
    """A mistake at a place of a text; becomes a DebuggerError with the whole text.

    Attributes:
        sentence: What is wrong, and what to write instead.
        position: 0-based character in the text.
    """

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.position = position

    def moved(self, distance: int) -> "Mistake":
        """Return the mistake as one of a longer text that has `distance` before it."""
        return Mistake(self.sentence, self.position + distance)

    def in_text(self, text: str) -> DebuggerError:
        """Return the error to raise.

        >>> print(Mistake("There is no number 'l3'.", 5).in_text("grad.l3 > 1"))
        There is no number 'l3'.
          grad.l3 > 1
               ^
        """
        start = max(0, self.position - _SHOWN)
        shown = plain(text[start : self.position + _SHOWN])
        caret = " " * (self.position - start) + "^"
        return DebuggerError(f"{self.sentence}\n  {shown}\n  {caret}")


def check_characters(text: str) -> None:
    """Refuse characters that nobody can see or type.

    Raises:
        Mistake: At the first of them.
    """
    for position, character in enumerate(text):
        if not character.isprintable() and character != "\t":
            code = f"U+{ord(character):04X}"
            raise Mistake(f"The character {code} cannot stand here.", position)


def plain(text: str) -> str:
    r"""Return `text` with one visible character for each that cannot be printed.

    >>> plain("a\tb\x00")
    'a b�'
    """
    return "".join(
        c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def quoted(word: str) -> str:
    """Quote a word of the user's, shortened, for a sentence.

    >>> quoted("l3"), quoted("a" * 100)
    ("'l3'", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'")
    """
    short = word if len(word) <= 40 else f"{word[:39]}…"  # noqa: PLR2004 - fits a line
    return f"'{plain(short)}'"


def nearest(word: str, words: Iterable[str], count: int = 1) -> str:
    """Return the sentence that names what may have been meant, with a space before it.

    >>> nearest("l3", ["l2", "max"]), nearest("l3", [])
    (' Nearest: l2.', '')
    """
    short = word[:_COMPARED]
    near = nearest_names(short, words, count)
    alike = get_close_matches(short, near, count, _ALIKE) or near[:1]
    return f" Nearest: {', '.join(map(plain, alike))}." if near else ""


def nearest_of(word: str, words: Collection[str]) -> str:
    """Return the same of a few words: all of them where none looks like `word`.

    >>> nearest_of("l3", ["l2", "max"]), nearest_of("q", ["l2", "max"])
    (' Nearest: l2.', ' There are: l2, max.')
    """
    if get_close_matches(word[:_COMPARED], words, 1, _ALIKE):
        return nearest(word, words)
    return f" There are: {', '.join(words)}."
