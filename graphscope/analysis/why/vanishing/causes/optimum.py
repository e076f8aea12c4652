"""Losses that have nothing more to ask for: right predictions, satisfied margins."""

from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import is_zero, scalar_of
from graphscope.analysis.evidence.wording import amount, begin, listing, name_value
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop, Weight

_COMPARING: Final = frozenset(
    {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"}
    | {"cross_entropy", "nll_loss", "binary_cross_entropy", "dist", "cdist"}
    | {"binary_cross_entropy_with_logits"}
)
_MARGINS: Final = frozenset(
    {"margin_ranking_loss", "hinge_embedding_loss", "triplet_margin_loss"}
    | {"multi_margin_loss", "multilabel_margin_loss", "cosine_embedding_loss"}
)


def explain_loss(stop: Stop) -> Cause:
    """Explain a loss that asks for nothing."""
    found = scalar_of(stop.trace, stop.op.outputs[0])
    now = "" if found is None else f" The loss is {amount(found)}."
    names = [name_value(stop.trace, v) for v in dict.fromkeys(stop.op.inputs)]
    what = f"{listing(names)} are as it wants them"
    if plain_name(stop.op) in _MARGINS:
        what = f"all of {names[0]} lies on the right side of its margin"
    return Cause(
        short="asks for no change",
        text=f"{begin(stop.call)} asks for no change: {what}.{now}",
        remedy="Nothing has to be done if these are the right answers.",
        weight=Weight.MEANT,
    )


def explain_kink(stop: Stop) -> Cause | None:
    """Explain an absolute value at 0, or the norm of a zero vector."""
    if not is_zero(stop.trace.value_of(stop.source)):
        return None
    name = plain_name(stop.op)
    return Cause(
        short="is at its kink",
        text=(
            f"{begin(stop.call)} is at its kink: {stop.name} is 0, where {name} has no "
            "derivative, and torch takes 0 there."
        ),
        remedy="Nothing has to be done if 0 is the right answer; else start elsewhere.",
        weight=Weight.MEANT,
    )


RULES: Final = {
    **dict.fromkeys(_COMPARING | _MARGINS, explain_loss),
    **dict.fromkeys(("abs", "absolute", "norm", "vector_norm"), explain_kink),
}
