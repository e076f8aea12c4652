"""How a loss puts its samples together: their sum or their mean, divided by what."""

from dataclasses import dataclass, replace
from math import prod
from typing import Final

from graphscope.analysis.evidence.facts import LOSSES, Facts, plain_name
from graphscope.analysis.evidence.reading import scalar_of
from graphscope.model.graph import Op, ValueKind
from graphscope.model.trace import Trace

_SCALES: Final = {"mul": 1, "rmul": 1, "multiply": 1, "div": -1, "truediv": -1}
_BY_ROW: Final = frozenset({"cross_entropy", "nll_loss"})
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Form:
    """How the numbers of a batch become one loss.

    Attributes:
        op: The op that puts them together: `mse_loss`, `mean`, `sum`.
        reduction: `mean` or `sum`.
        count: How many numbers it puts together.
        samples: How many samples they belong to: the size of the first axis.
        scale: What the user has multiplied the result by.
        lift: What a GradScaler has multiplied it by, and takes back later.
    """

    op: Op
    reduction: str
    count: int
    samples: int
    scale: float = 1.0
    lift: float = 1.0

    @property
    def is_sum(self) -> bool:
        """Whether the samples are added up, and nobody divides by their number."""
        divisors = (self.samples, self.count)
        is_divided = any(abs(self.scale * n - 1) < 1e-3 for n in divisors if n > 1)  # noqa: PLR2004 - rounding
        return self.reduction == "sum" and self.samples > 1 and not is_divided

    @property
    def is_plain_mean(self) -> bool:
        """Whether it is a mean of several samples, and nothing else."""
        return self.reduction == "mean" and self.scale == 1 and self.samples > 1


def form_of(facts: Facts, trace: Trace, root: int) -> Form | None:
    """Return how a loss is put together; None where it is not one reduction."""
    value, scale, lift = root, 1.0, 1.0
    for _ in range(len(facts.graph.ops)):
        op = facts.origin_op(value)
        if op is None or not op.inputs:
            return None
        found = _reduction(facts, op)
        if found is not None:
            return replace(found, scale=scale, lift=lift)
        step = _scaled(facts, trace, op)
        if step is None:
            return None
        value, factor, is_own = step
        scale, lift = (scale * factor, lift) if is_own else (scale, lift * factor)
    return None


def _reduction(facts: Facts, op: Op) -> Form | None:
    name = plain_name(op)
    shape = facts.graph.values[op.inputs[0]].shape
    output = facts.graph.values[op.outputs[0]].shape if op.outputs else (0,)
    if prod(output) != 1:
        return None
    samples = shape[0] if shape else 1
    if name in LOSSES:
        texts = {a.name: a.text.strip("'\"") for a in op.arguments}
        reduction = texts.get("reduction", "mean")
        if reduction not in ("mean", "sum"):
            return None
        count = samples if name in _BY_ROW else prod(shape)
        return Form(op, reduction, count, samples)
    if name in ("mean", "sum") and prod(shape) > 1:
        return Form(op, name, prod(shape), samples)
    return None


def _scaled(facts: Facts, trace: Trace, op: Op) -> tuple[int, float, bool] | None:
    """Return what is multiplied by a number, the number, and whether it is the user's.

    A tensor without a name of the user's is the scale of a GradScaler.
    """
    name = plain_name(op)
    if name == "neg":
        return op.inputs[0], -1.0, True
    if name not in _SCALES or len(op.inputs) != _PAIR:
        return None
    values = facts.graph.values
    first, second = op.inputs
    if not values[first].requires_grad and name != "div":
        first, second = second, first
    if values[second].requires_grad or values[second].shape not in ((), (1,)):
        return None
    number = scalar_of(trace, second)
    if not number:
        return None
    is_constant = values[second].kind is ValueKind.CONSTANT
    is_own = is_constant or values[second].name is not None
    return first, number ** _SCALES[name], is_own
