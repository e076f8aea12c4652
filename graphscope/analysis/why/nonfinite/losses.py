"""Why a loss of finite scores is NaN or Inf: nothing that it could be the mean of."""

import numpy as np

from graphscope.analysis.evidence.wording import amount
from graphscope.analysis.why.nonfinite.mechanism import Mechanism
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.model.observation import Array


def explain_loss(scene: Scene) -> Mechanism | None:
    """Return why a loss divides 0 by 0, or finds no alignment; None for any other."""
    if scene.name == "ctc_loss" and not scene.is_nan:
        return Mechanism(
            "a target that does not fit",
            "ctc_loss is ∞ where the target cannot be aligned with the input: it is "
            "too long for it (two equal labels in a row need a blank between them)",
            "Leave such samples out, or use `zero_infinity=True`.",
        )
    if scene.name not in ("cross_entropy", "nll_loss") or not scene.is_nan:
        return None
    labels, weight = scene.bound.get("target"), scene.bound.get("weight")
    if labels is None or labels.data is None or labels.data.dtype.kind not in "iu":
        return None
    ignored = _ignored(scene)
    left = labels.data[labels.data != ignored]
    if not labels.data.size:
        return _nothing(scene, f"{labels.text} has no element")
    if not left.size:
        return _nothing(
            scene,
            f"every label in {labels.text} is {amount(ignored)}, which is ignore_index",
        )
    if (
        weight is not None
        and weight.data is not None
        and _is_weightless(weight.data, left)
    ):
        return Mechanism(
            "weights that are 0",
            f"every label in {labels.text} has the weight 0 in {weight.text}, and the "
            "mean divides by the sum of the weights: 0/0",
            f"Give every class in the batch a weight above 0 in {weight.text}, or "
            'use reduction="sum".',
            (("sum of the weights", 0.0),),
        )
    return None


def _ignored(scene: Scene) -> int:
    arguments = () if scene.op is None else scene.op.arguments
    text = next((a.text for a in arguments if a.name == "ignore_index"), "-100")
    try:
        return int(text)
    except ValueError:
        return -100


def _is_weightless(weights: Array, labels: Array) -> bool:
    inside = labels[(labels >= 0) & (labels < weights.size)]
    return inside.size > 0 and not np.any(weights[inside])


def _nothing(scene: Scene, reason: str) -> Mechanism:
    return Mechanism(
        "the mean over no label",
        f"{reason}, so {scene.name} divides 0 by 0",
        'Leave out a batch without labels, or use reduction="sum" and divide by '
        "`max(number of labels, 1)`.",
        (("labels that count", 0.0),),
    )
