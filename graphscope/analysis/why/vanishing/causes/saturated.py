"""Activations far out, where they are flat: sigmoid, tanh, softmax and their kin."""

from collections.abc import Mapping
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import amount, begin, code_of
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop, span

_DERIVATIVES: Final[Mapping[str, str]] = {
    "sigmoid": "a · (1 − a)",
    "tanh": "1 − a²",
    "softmax": "a · (1 − a), and −a · a' between two of them,",
    "erf": "2/√π · exp(−x²)",
    "exp": "exp(x)",
    "softplus": "sigmoid(x)",
    "logsigmoid": "sigmoid(−x)",
    "silu": "sigmoid(x) · (1 + x · (1 − sigmoid(x)))",
    "gelu": "Φ(x) + x · φ(x)",
    "elu": "exp(x), for x below 0,",
    "mish": "that of x · tanh(softplus(x))",
    "softsign": "1/(1 + |x|)²",
}


def explain_saturation(stop: Stop) -> Cause:
    """Explain an activation whose derivative is rounded to 0 for all its numbers."""
    name = plain_name(stop.op)
    seen = stop.trace.value_of(stop.op.outputs[0])
    stats = None if seen is None else seen.stats
    gives = ""
    if stats is not None and stats.minimum == stats.maximum:
        gives = f" {name} gives exactly {amount(stats.minimum)} there,"
    elif stats is not None and name != "softmax":
        gives = (
            f" {name} gives {amount(stats.minimum)} to {amount(stats.maximum)} there,"
        )
    elif stats is not None:
        gives = " One entry gets all of it, exactly 1, and the others 0,"
    before = stop.before
    numbers: tuple[tuple[str, float], ...] = ()
    if before is not None:
        numbers = (("smallest", before.minimum), ("largest", before.maximum))
    return Cause(
        short="is saturated everywhere",
        text=(
            f"{begin(stop.call)} is saturated: {stop.name} {span(before)}.{gives} and "
            f"its derivative {_DERIVATIVES[name]} is rounded to 0 in {stop.dtype}."
        ),
        remedy=(
            f"Bring `{code_of(stop.trace, stop.source) or 'x'}` into the range in "
            f"which {name} is not flat: scale the data to about 1, start from smaller "
            "weights, or normalise in front of it."
        ),
        numbers=numbers,
    )


NAMES: Final = frozenset(_DERIVATIVES)
RULES: Final = dict.fromkeys(_DERIVATIVES, explain_saturation)
