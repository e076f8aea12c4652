"""Where functions of one tensor are not defined, or infinite: a table.

Separate from the rules that need more than one operand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.why.nonfinite.scene import (
    NEGATIVE,
    ZERO,
    Condition,
    above,
    below,
    equal_to,
)

_LOGS: Final = frozenset({"log", "log2", "log10"})


@dataclass(frozen=True, slots=True)
class Rule:
    """Of which operand, in which op, makes NaN or Inf for certain.

    Attributes:
        ops: The ops.
        condition: Of their first operand.
        name: Of the mechanism, `{op}` the op.
        rule: What is so in general.
        remedy: What to do; `{safe}` is the call with `change` put to its operand.
        change: See `remedy`.
    """

    ops: frozenset[str]
    condition: Condition
    name: str
    rule: str
    remedy: str
    change: str = ""


RULES: Final[Sequence[Rule]] = (
    Rule(
        _LOGS,
        ZERO,
        "{op}(0)",
        "{op}(0) is −∞",
        "Keep what {op} is taken of above 0: {safe}",
        ".clamp(min=1e-8)",
    ),
    Rule(
        _LOGS,
        NEGATIVE,
        "{op} of a negative number",
        "{op} of a negative number is NaN",
        "Keep what {op} is taken of above 0: {safe}",
        ".clamp(min=1e-8)",
    ),
    Rule(
        frozenset({"log1p"}),
        equal_to(-1.0),
        "log1p(−1)",
        "log1p(−1) is log(0), and that is −∞",
        "Keep its argument above −1: {safe}",
        ".clamp(min=-1 + 1e-6)",
    ),
    Rule(
        frozenset({"log1p"}),
        below(-1.0),
        "log1p of a number below −1",
        "log1p(x) takes the logarithm of 1 + x, which is NaN below −1",
        "Keep its argument above −1: {safe}",
        ".clamp(min=-1 + 1e-6)",
    ),
    Rule(
        frozenset({"sqrt"}),
        NEGATIVE,
        "sqrt of a negative number",
        "the square root of a negative number is NaN",
        "Keep what the root is taken of above 0: {safe}",
        ".clamp(min=1e-12)",
    ),
    Rule(
        frozenset({"rsqrt"}),
        ZERO,
        "1/√0",
        "rsqrt(0) is 1/√0 = ∞",
        "Keep what the root is taken of above 0: {safe}",
        " + 1e-12",
    ),
    Rule(
        frozenset({"rsqrt"}),
        NEGATIVE,
        "rsqrt of a negative number",
        "the square root of a negative number is NaN",
        "Keep what the root is taken of above 0: {safe}",
        ".clamp(min=1e-12)",
    ),
    Rule(
        frozenset({"reciprocal"}),
        ZERO,
        "1/0",
        "1/0 is infinite",
        "Keep it away from 0: {safe}",
        ".clamp(min=1e-8)",
    ),
    Rule(
        frozenset({"acos", "asin", "arccos", "arcsin"}),
        above(1.0),
        "{op} of a number above 1",
        "{op} is only defined from −1 to 1",
        "Keep its argument inside: {safe}",
        ".clamp(-1 + 1e-7, 1 - 1e-7)",
    ),
    Rule(
        frozenset({"acos", "asin", "arccos", "arcsin"}),
        below(-1.0),
        "{op} of a number below −1",
        "{op} is only defined from −1 to 1",
        "Keep its argument inside: {safe}",
        ".clamp(-1 + 1e-7, 1 - 1e-7)",
    ),
    Rule(
        frozenset({"acosh", "arccosh"}),
        below(1.0),
        "{op} of a number below 1",
        "{op} is only defined from 1 on",
        "Keep its argument above 1: {safe}",
        ".clamp(min=1 + 1e-7)",
    ),
    *(
        Rule(
            frozenset({"atanh", "arctanh", "erfinv"}),
            condition,
            "{op} of " + words,
            "{op} is only finite between −1 and 1",
            "Keep its argument inside: {safe}",
            ".clamp(-1 + 1e-7, 1 - 1e-7)",
        )
        for condition, words in (
            (equal_to(1.0), "1"),
            (equal_to(-1.0), "−1"),
            (above(1.0), "a number above 1"),
            (below(-1.0), "a number below −1"),
        )
    ),
    *(
        Rule(
            frozenset({"logit"}),
            condition,
            "logit of " + words,
            "logit(p) is log(p / (1 − p)), only finite between 0 and 1",
            "Keep its argument inside: {safe}",
            ".clamp(1e-6, 1 - 1e-6)",
        )
        for condition, words in (
            (ZERO, "0"),
            (equal_to(1.0), "1"),
            (NEGATIVE, "a negative number"),
            (above(1.0), "a number above 1"),
        )
    ),
)
