"""The closed lists of words of the language."""

from typing import Final

from graphscope.debugger.arrival import Aspect

ASPECTS: Final = {aspect.value: aspect for aspect in Aspect}
"""Which numbers of a tensor: also the fields that mean the event's own."""

COUNTERS: Final = ("step", "pass")
LOSS: Final = "loss"
FIELDS: Final = (*ASPECTS, *COUNTERS, LOSS)

CONSTANTS: Final = {"inf": float("inf"), "nan": float("nan")}

OPERATOR_WORDS: Final = ("and", "or", "not")
TRUTHS: Final = ("True", "False")

FOREIGN: Final = {
    "is": "Compare with '=='; a gradient that is None is found by 'none_grad'.",
    "None": "A gradient that is None is found by 'none_grad'.",
    "in": "Compare with '==' and join the comparisons with 'or'.",
    "if": "Join conditions with 'and'.",
    "else": "Join conditions with 'or'.",
}
"""Words of Python that the language has not, and what to write instead."""

SIGNS: Final = {
    "=": "Compare with '=='; a single '=' would set a value, which nothing here can.",
    ":=": "Compare with '=='; ':=' would set a value, which nothing here can.",
    "&&": "Write 'and'.",
    "&": "Write 'and'.",
    "||": "Write 'or'.",
    "|": "Write 'or'.",
    "!": "Write 'not'.",
    "^": "Write '**' for a power.",
    "≥": "Write '>='.",
    "≤": "Write '<='.",
    "≠": "Write '!='.",
    "−": "Write '-', the minus sign of the keyboard.",
    "×": "Write '*'.",
    "∞": "Write 'inf'.",
}
"""Signs that the language has not, and what to write instead."""
