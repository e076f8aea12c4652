"""The rule for each operator."""

from collections.abc import Callable, Mapping
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.vanishing.causes import (
    bounds,
    flat,
    optimum,
    products,
    saturated,
    selection,
)
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop

Rule = Callable[[Stop], Cause | None]

_TABLES: Final[tuple[Mapping[str, Rule], ...]] = (
    flat.RULES,
    bounds.RULES,
    saturated.RULES,
    products.RULES,
    selection.RULES,
    optimum.RULES,
)
"""Asked in this order, where several have a rule for an operator."""


def explain_stop(stop: Stop) -> Cause:
    """Say why an op sends 0 back where something arrives."""
    name = plain_name(stop.op)
    for rules in _TABLES:
        rule = rules.get(name)
        found = None if rule is None else rule(stop)
        if found is not None:
            return found
    return Cause(
        short="has the derivative 0 for these numbers",
        text=(
            f"{begin(stop.call)} sends 0 on: torch's derivative of {name} is 0 for "
            "these numbers."
        ),
        remedy=f"Look at what goes into {name}.",
    )
