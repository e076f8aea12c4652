"""Formulas of losses of regression and classification.

Source: the docstrings of torch.nn.functional and, for weights, its Python code.
"""

from math import log, pi
from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.arithmetic import x_log_y
from graphscope.analysis.replay.formulas.special import log_softmax, softplus
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_LOG_FLOOR: Final = -100.0
_LEGACY: Final = ("size_average", "reduce")
_NEAREST: Final = "has a kink where both are equal"


def reduce_losses(given: Given, losses: Array, total: Array | None = None) -> Array:
    """Apply `reduction`: the mean is over `total` where that is not a plain count."""
    if any(given.plain(name) is not None for name in _LEGACY):
        raise given.refuse("its arguments size_average and reduce are not supported")
    match given.plain("reduction", "mean"):
        case "none":
            return np.asarray(losses)
        case "sum":
            return np.asarray(losses.sum())
        case "batchmean":
            return np.asarray(losses.sum() / (losses.shape[0] if losses.ndim else 1))
        case "mean":
            if total is None:
                return np.asarray(losses.mean())
            return np.asarray(losses.sum() / total)
        case other:
            raise given.refuse(f"there is no formula for the reduction {other!r}")


def _gap(given: Given) -> Array:
    return np.asarray(given.array("input") - given.array("target"))


def _weighted(given: Given, losses: Array, *, by_weight: bool) -> Array:
    weight = given.optional("weight")
    if weight is None:
        return reduce_losses(given, losses)
    total = weight.sum() if by_weight else None
    return reduce_losses(given, losses * weight, total)


def _squared(given: Given) -> Array:
    return _weighted(given, _gap(given) ** 2, by_weight=True)


def _absolute(given: Given) -> Array:
    return _weighted(given, np.abs(_gap(given)), by_weight=True)


def _smooth(given: Given) -> Array:
    size, beta = np.abs(_gap(given)), given.number("beta", 1.0)
    if beta == 0:
        return reduce_losses(given, size)
    losses = np.where(size < beta, size**2 / (2 * beta), size - beta / 2)
    return reduce_losses(given, losses)


def _smooth_piece(given: Given) -> Array:
    """Quadratic and linear parts join smoothly: only beta = 0 leaves a kink."""
    is_absolute = given.number("beta", 1.0) == 0
    return np.asarray(np.sign(_gap(given)) if is_absolute else np.zeros(()))


def _huber(given: Given) -> Array:
    size, delta = np.abs(_gap(given)), given.number("delta", 1.0)
    losses = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
    return _weighted(given, losses, by_weight=False)


def _clamped_log(x: Array) -> Array:
    return np.asarray(np.maximum(np.log(x), _LOG_FLOOR))


def _binary(given: Given) -> Array:
    chance, target = given.array("input"), given.array("target")
    if chance.size and (chance.min() < 0 or chance.max() > 1):
        chance = np.full(chance.shape, np.nan)  # torch raises there
    losses = -(target * _clamped_log(chance) + (1 - target) * _clamped_log(1 - chance))
    return _weighted(given, losses, by_weight=False)


def _binary_of_logits(given: Given) -> Array:
    """Source: torch.nn.BCEWithLogitsLoss, with -log(sigmoid(x)) = softplus(-x)."""
    logits, target = given.array("input"), given.array("target")
    positive = given.optional("pos_weight")
    scale = 1.0 if positive is None else positive
    losses = scale * target * softplus(-logits) + (1 - target) * softplus(logits)
    rounding = given.rounded("logits", logits) - logits  # of sigmoid(logits) - target
    return _weighted(given, losses + target * rounding, by_weight=False)


def _classes_last(x: Array) -> Array:
    return x if x.ndim == 1 else np.moveaxis(x, 1, -1)


def _picked(given: Given, scores: Array) -> tuple[Array, Array, Array]:
    """Return -score of each target, its weight, and the weights of all classes.

    `scores` has the classes last. What is to be ignored gets the weight 0.
    """
    target, classes = given.array("target").astype(np.int64), scores.shape[-1]
    is_used = target != given.whole("ignore_index", -100)
    safe = np.where(is_used, target, 0)
    weight = given.optional("weight")
    weights = np.ones(classes) if weight is None else weight
    found = np.take_along_axis(scores, safe[..., None], -1)[..., 0]
    return -found, weights[safe] * is_used, weights


def _likelihood(given: Given) -> Array:
    losses, weight, _ = _picked(given, _classes_last(given.array("input")))
    return reduce_losses(given, losses * weight, weight.sum())


def _cross_entropy(given: Given) -> Array:
    logits, target = given.array("input"), given.array("target")
    scores = _classes_last(logits)
    scores = log_softmax(scores, -1, given.rounded("rest", scores))
    smoothing = given.number("label_smoothing", 0.0)
    if target.dtype.kind == "f":
        return _of_chances(given, scores, _classes_last(target), smoothing)
    losses, weight, weights = _picked(given, scores)
    is_used = weight != 0 if given.optional("weight") is None else _is_used(given)
    spread = -(scores * weights).sum(axis=-1) * is_used / scores.shape[-1]
    mixed = (1 - smoothing) * losses * weight + smoothing * spread
    return reduce_losses(given, mixed, weight.sum())


def _is_used(given: Given) -> Array:
    target = given.array("target")
    return np.asarray(target != given.whole("ignore_index", -100))


def _of_chances(given: Given, scores: Array, target: Array, smoothing: float) -> Array:
    weight = given.optional("weight")
    smoothed = target * (1 - smoothing) + smoothing / scores.shape[-1]
    weighted = scores * smoothed if weight is None else scores * smoothed * weight
    losses = -weighted.sum(axis=-1)
    return reduce_losses(given, np.asarray(losses))


def _divergence(given: Given) -> Array:
    found, target = given.array("input"), given.array("target")
    if given.flag("log_target"):
        return reduce_losses(given, np.exp(target) * (target - found))
    return reduce_losses(given, x_log_y(target, target) - target * found)


def _gaussian(given: Given) -> Array:
    found, var = given.array("input"), given.array("var")
    if var.shape != found.shape and var.shape == found.shape[:-1]:
        var = var[..., None]
    if (var < given.number("eps", 1e-6)).any():
        raise given.refuse("a variance is below eps, and autograd does not see that")
    losses = 0.5 * (np.log(var) + (found - given.array("target")) ** 2 / var)
    if given.flag("full"):
        losses = losses + 0.5 * log(2 * pi)
    return reduce_losses(given, losses)


def _poisson(given: Given) -> Array:
    found, target = given.array("input"), given.array("target")
    if given.flag("log_input", default=True):
        losses = np.exp(found) - target * found
    else:
        losses = found - target * np.log(found + given.number("eps", 1e-8))
    if given.flag("full"):
        safe = np.where(target > 1, target, 1.0)
        stirling = safe * np.log(safe) - safe + 0.5 * np.log(2 * pi * safe)
        losses = losses + np.where(target > 1, stirling, 0.0)
    return reduce_losses(given, losses)


LOSSES: Final[Table] = {
    "mse_loss": Formula(
        "input target weight size_average: reduce: reduction:", _squared
    ),
    "l1_loss": Formula(
        "input target weight size_average: reduce: reduction:",
        _absolute,
        lambda given: np.asarray(np.sign(_gap(given))),
        _NEAREST,
    ),
    "smooth_l1_loss": Formula(
        "input target size_average: reduce: reduction: beta:",
        _smooth,
        _smooth_piece,
        _NEAREST,
    ),
    "huber_loss": Formula("input target weight reduction: delta:", _huber),
    "binary_cross_entropy": Formula(
        "input target weight size_average: reduce: reduction:", _binary
    ),
    "binary_cross_entropy_with_logits": Formula(
        "input target weight size_average: reduce: reduction: pos_weight",
        _binary_of_logits,
    ),
    "cross_entropy": Formula(
        "input target weight size_average: ignore_index: reduce: reduction: "
        "label_smoothing:",
        _cross_entropy,
    ),
    "nll_loss": Formula(
        "input target weight size_average: ignore_index: reduce: reduction:",
        _likelihood,
    ),
    "kl_div": Formula(
        "input target size_average: reduce: reduction: log_target:", _divergence
    ),
    "gaussian_nll_loss": Formula("input target var full: eps: reduction:", _gaussian),
    "poisson_nll_loss": Formula(
        "input target log_input: full: size_average: eps: reduce: reduction:", _poisson
    ),
}
