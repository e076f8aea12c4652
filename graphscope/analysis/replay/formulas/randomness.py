"""Operators that draw random numbers: what they drew was not recorded."""

from typing import Final

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_DROPOUTS: Final = (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_dropout",
    "feature_alpha_dropout",
)
_DRAWING: Final = (
    "bernoulli",
    "cauchy",
    "exponential",
    "geometric",
    "gumbel_softmax",
    "log_normal",
    "multinomial",
    "normal",
    "poisson",
    "random",
    "uniform",
)


def _dropout(given: Given) -> Array:
    if given.flag("training", default=True) and given.number("p", 0.5) > 0:
        raise given.refuse("it is random, and its mask was not recorded")
    return given.array("input")


def _random(given: Given) -> Array:
    raise given.refuse("it is random, and what it drew was not recorded")


RANDOMNESS: Final[Table] = {
    **dict.fromkeys(_DROPOUTS, Formula("input p: training:", _dropout)),
    **dict.fromkeys(_DRAWING, Formula("input", _random)),
}
