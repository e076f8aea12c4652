"""What is one fault although two checks tell of it: only the nearer to its cause stays.

A check looks at one step. That a tensor is NaN in the data of step 1 because step 0
computed it so, or that a loss overflows because the updates go too far, shows only when
the findings of all steps lie side by side.
"""

from collections.abc import Sequence
from typing import Final

from graphscope.model.finding import Finding

_NONFINITE: Final = frozenset({"nan", "inf", "nan-input", "fp16-overflow"})
_BORN: Final = frozenset({"nan", "inf"})
_EXPLODING: Final = frozenset(
    {"learning-rate-too-large", "summed-loss", "exploding-grad"}
)
_RATE: Final = "learning-rate-too-large"
_GROWING: Final = "exploding-grad"


def without_repeats(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Leave out what follows from another of some findings.

    >>> born = Finding("nan", "x becomes NaN", "", "", 0)
    >>> seen = Finding("nan-input", "NaN in the data", "", "", 1)
    >>> [found.kind for found in without_repeats([seen, born])]
    ['nan']
    """
    return tuple(f for f in findings if not any(_explains(o, f) for o in findings))


def _explains(one: Finding, other: Finding) -> bool:
    """Whether `other` is only what `one` leads to."""
    if one.kind == _GROWING and other.kind == _RATE:
        return True
    if one is other or other.kind not in _NONFINITE:
        return False
    if one.kind in _EXPLODING:
        return other.kind in _BORN and other.step >= one.step
    if one.kind not in _BORN or one.step >= other.step:
        return False
    return _line(one) == _line(other)


def _line(finding: Finding) -> object:
    site = finding.site
    return None if site is None else (site.file, site.line)
