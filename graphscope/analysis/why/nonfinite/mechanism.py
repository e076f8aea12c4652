"""Why a number came out as NaN or Inf: the reason by name, and the proof as a clause.

Separate from the rules that find it, which are of two kinds: of forward and backward.
"""

from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.wording import amount
from graphscope.analysis.why.nonfinite.scene import Operand, Proof

_SIMPLE: Final = frozenset("_.")


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Why a number is not finite.

    Attributes:
        name: A few words for a title, the same in every step: `log(0)`.
        why: A clause with the numbers: `log(0) is −∞, and p is 0 at [1]`.
        remedy: One sentence.
        numbers: The evidence.
        unknown: What cannot be told.
        is_range: Whether the number only was too large for its dtype.
    """

    name: str
    why: str
    remedy: str
    numbers: tuple[tuple[str, float], ...] = ()
    unknown: tuple[str, ...] = ()
    is_range: bool = False


def proven(name: str, rule: str, proof: Proof, remedy: str) -> Mechanism:
    """Return a mechanism that follows from what one operand is.

    Args:
        name: Its name.
        rule: What is so in general: `log(0) is −∞`.
        proof: That it is so here.
        remedy: What to do.
    """
    why = f"{rule}, and {proof.text}" if proof.text else rule
    known = () if proof.operand.value is None else ((place_name(proof), proof.number),)
    unknown = (proof.unknown,) if proof.unknown else ()
    return Mechanism(name, why, remedy, known, unknown)


def place_name(proof: Proof) -> str:
    """Return how the evidence calls a number: `p[0, 1]`."""
    name = proof.operand.code or proof.operand.text
    if not proof.index:
        return name
    return f"{as_object(name)}[{', '.join(map(str, proof.index))}]"


def as_object(code: str) -> str:
    """Return code to which `.clamp()` or an index can be put.

    >>> (
    ...     as_object("h.x_1"),
    ...     as_object("w - 2"),
    ...     as_object("f(x)"),
    ...     as_object("f(x) + y(z)"),
    ... )
    ('h.x_1', '(w - 2)', 'f(x)', '(f(x) + y(z))')
    """
    if code.replace("_", "").replace(".", "").isalnum():
        return code
    depth = 0
    for place, letter in enumerate(code):
        depth += (letter in "([") - (letter in ")]")
        is_plain = letter.isalnum() or letter in "_.()[]" or depth > 0
        if not is_plain or (letter == " " and not depth):
            return f"({code})"
        if not place and letter == "(":
            return f"({code})"
    return code


def call(name: str, operand: Operand, change: str) -> str:
    """Return a call with a changed operand, as code: `torch.log(p.clamp(min=1e-8))`."""
    code = operand.code or "x"
    return f"`torch.{name}({as_object(code)}{change})`"


def size_text(number: float) -> str:
    """Write a number with its size, as evidence of a range."""
    return amount(number)
