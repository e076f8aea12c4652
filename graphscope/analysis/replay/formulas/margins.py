"""Formulas of similarities, and of losses that stop at a margin: the hinge losses."""

from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.losses import reduce_losses
from graphscope.analysis.replay.formulas.reductions import vector_norm
from graphscope.analysis.replay.formulas.special import softplus
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_AT_MARGIN: Final = "has a kink at its margin"
_EMBEDDING_EPS: Final = 1e-12


def _similarity(given: Given) -> Array:
    """Source: torch.nn.functional.cosine_similarity, its docstring."""
    one, two = given.array("x1"), given.array("x2")
    axis, eps = given.whole("dim", 1), given.number("eps", 1e-8)
    parts = given.rounded("one", one), given.rounded("two", two)
    sizes = [
        np.maximum(vector_norm(x, 2.0, (axis,), keepdims=False), eps) for x in parts
    ]
    return np.asarray((one * two).sum(axis=axis) / (sizes[0] * sizes[1]))


def _distance(given: Given) -> Array:
    gap = given.array("x1") - given.array("x2") + given.number("eps", 1e-6)
    return vector_norm(
        gap, given.number("p", 2.0), (-1,), keepdims=given.flag("keepdim")
    )


def _normalize(given: Given) -> Array:
    found = given.array("input")
    size = vector_norm(
        given.rounded("size", found),
        given.number("p", 2.0),
        (given.whole("dim", 1),),
        keepdims=True,
    )
    return np.asarray(found / np.maximum(size, given.number("eps", 1e-12)))


def _hinge_gap(given: Given) -> Array:
    return np.asarray(given.number("margin", 1.0) - given.array("input"))


def _hinge(given: Given) -> Array:
    """The input itself where the target is 1, and the gap to the margin where -1."""
    found, target = given.array("input"), given.array("target")
    gap = np.maximum(_hinge_gap(given), 0.0)
    losses = np.where(target == 1, found, 0.0) + np.where(target == -1, gap, 0.0)
    return reduce_losses(given, losses)


def _ranking_gap(given: Given) -> Array:
    gap = given.array("input1") - given.array("input2")
    return np.asarray(-given.array("target") * gap + given.number("margin", 0.0))


def _ranking(given: Given) -> Array:
    return reduce_losses(given, np.maximum(_ranking_gap(given), 0.0))


def _cosine(given: Given) -> Array:
    """Source: at::cosine_embedding_loss."""
    one, two = given.array("input1"), given.array("input2")
    sizes = [(x * x).sum(axis=-1) + _EMBEDDING_EPS for x in (one, two)]
    return np.asarray((one * two).sum(axis=-1) / np.sqrt(sizes[0] * sizes[1]))


def _cosine_gap(given: Given) -> Array:
    return np.asarray(_cosine(given) - given.number("margin", 0.0))


def _cosine_embedding(given: Given) -> Array:
    target, gap = given.array("target"), np.maximum(_cosine_gap(given), 0.0)
    same = np.where(target == 1, 1 - _cosine(given), 0.0)
    return reduce_losses(given, same + np.where(target == -1, gap, 0.0))


def _triplet_gap(given: Given) -> Array:
    anchor, positive = given.array("anchor"), given.array("positive")
    negative, order = given.array("negative"), given.number("p", 2.0)
    eps = given.number("eps", 1e-6)

    def distance(one: Array, two: Array) -> Array:
        return vector_norm(one - two + eps, order, (-1,), keepdims=False)

    far = distance(anchor, negative)
    if given.flag("swap"):
        far = np.minimum(far, distance(positive, negative))
    near = distance(anchor, positive)
    return np.asarray(near - far + given.number("margin", 1.0))


def _triplet(given: Given) -> Array:
    return reduce_losses(given, np.maximum(_triplet_gap(given), 0.0))


def _class_gaps(given: Given) -> Array:
    """How far every other class is within the margin of the right one; 0 for itself."""
    scores = np.atleast_2d(given.array("input"))
    target = np.atleast_1d(given.array("target")).astype(np.int64)
    right = np.take_along_axis(scores, target[:, None], 1)
    gaps = given.number("margin", 1.0) - right + scores
    is_right = np.arange(scores.shape[1]) == target[:, None]
    return np.asarray(np.where(is_right, 0.0, gaps))


def _multi_margin(given: Given) -> Array:
    scores, power = given.array("input"), given.number("p", 1.0)
    losses = np.maximum(_class_gaps(given), 0.0) ** power
    weight = given.optional("weight")
    if weight is not None:
        target = np.atleast_1d(given.array("target")).astype(np.int64)
        losses = losses * weight[target][:, None]
    means = losses.sum(axis=1) / scores.shape[-1]
    return reduce_losses(given, means if scores.ndim > 1 else means[0])


def _soft_margin(given: Given) -> Array:
    product = given.array("target") * given.array("input")
    return reduce_losses(given, softplus(-product))


def _multilabel(given: Given) -> Array:
    found, target = given.array("input"), given.array("target")
    losses = target * softplus(-found) + (1 - target) * softplus(found)
    weight = given.optional("weight")
    losses = losses if weight is None else losses * weight
    return reduce_losses(given, np.asarray(losses.mean(axis=-1)))


_OLD: Final = "size_average: reduce: reduction:"

MARGINS: Final[Table] = {
    "cosine_similarity": Formula("x1 x2 dim: eps:", _similarity),
    "pairwise_distance": Formula("x1 x2 p: eps: keepdim:", _distance),
    "normalize": Formula("input p: dim: eps:", _normalize),
    "hinge_embedding_loss": Formula(
        f"input target margin: {_OLD}",
        _hinge,
        lambda given: np.sign(_hinge_gap(given)),
        _AT_MARGIN,
    ),
    "margin_ranking_loss": Formula(
        f"input1 input2 target margin: {_OLD}",
        _ranking,
        lambda given: np.sign(_ranking_gap(given)),
        _AT_MARGIN,
        "input1",
    ),
    "cosine_embedding_loss": Formula(
        f"input1 input2 target margin: {_OLD}",
        _cosine_embedding,
        lambda given: np.sign(_cosine_gap(given)),
        _AT_MARGIN,
        "input1",
    ),
    "triplet_margin_loss": Formula(
        f"anchor positive negative margin: p: eps: swap: {_OLD}",
        _triplet,
        lambda given: np.sign(_triplet_gap(given)),
        _AT_MARGIN,
        "anchor",
    ),
    "multi_margin_loss": Formula(
        f"input target p: margin: weight {_OLD}",
        _multi_margin,
        lambda given: np.sign(_class_gaps(given)),
        _AT_MARGIN,
    ),
    "soft_margin_loss": Formula(f"input target {_OLD}", _soft_margin),
    "multilabel_soft_margin_loss": Formula(f"input target weight {_OLD}", _multilabel),
}
