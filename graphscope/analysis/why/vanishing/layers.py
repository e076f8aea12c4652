"""How large the gradient is from layer to layer, and where it vanishes or explodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    amount,
    code_of,
    count,
    name_and_place,
    name_value,
    site_of,
    where,
)
from graphscope.analysis.why.vanishing.causes.cause import name_op
from graphscope.analysis.why.vanishing.stations import (
    Share,
    Way,
    find_way,
    layer_name,
    shares_of,
)
from graphscope.analysis.why.vanishing.walk import flow_to
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import Op, Value
from graphscope.model.trace import Recording, Trace

VANISHED: Final = 1e-6
"""The norm at the first layer by that at the last one, below which it has vanished.

A layer learns well while an update changes its weights by about 1/1000 of themselves
(Source: A. Karpathy, CS231n, "ratio of weights:updates should be around 1e-3"). Where
the last layer does so, one with a millionth of its gradient changes by 1e-9 of itself;
float32 numbers are 6e-8 of themselves apart (2**-24), so that it does not change.
"""

EXPLODED: Final = 1e2
"""The same, above which it explodes, if one update also replaces the weights.

That an update moves a weight by many times its own size is the evidence that something
is wrong; that the gradient grows on its way by two orders of magnitude, that its way
through the layers is why, and not the learning rate alone.
"""

_SATURATING: Final = {"sigmoid": "0.25", "tanh": "1", "softmax": "0.5"}
"""Activations that shrink a gradient, with the largest derivative that they have."""

_PRODUCTS: Final = frozenset({"linear", "matmul", "mm", "addmm", "bmm", "einsum"})
_MOST_STEPS: Final = 6
_PATH: Final = 16
_HALF: Final = 0.5

Steps = Recording | Sequence[Trace]


class Verdict(Enum):
    """What becomes of a gradient on its way."""

    VANISHES = "vanishing-grad"
    EXPLODES = "exploding-grad"
    STAYS = "flow"


@dataclass(frozen=True)
class Growth:
    """A gradient on its way through several layers.

    Attributes:
        way: The way.
        value: The value that it leads to.
        factor: The norm at the first layer by that at the last one.
    """

    way: Way
    value: Value
    factor: float

    @property
    def trace(self) -> Trace:
        """The step."""
        return self.way.flow.backward.trace

    @property
    def verdict(self) -> Verdict:
        """What becomes of it, by its size alone."""
        if self.factor < VANISHED:
            return Verdict.VANISHES
        return Verdict.EXPLODES if self.factor > EXPLODED else Verdict.STAYS


def measure(facts: Facts, trace: Trace, value: Value) -> Growth | None:
    """Measure the gradient from the last layer to that of `value`.

    None where there are not two layers on the way, or a norm is 0 or not finite.
    """
    flow = flow_to(trace, value.id)
    way = None if flow is None else find_way(facts, flow, value.id)
    if way is None or len(way.layers) < 2 or not way.is_measured:  # noqa: PLR2004
        return None
    return Growth(way, value, way.layers[-1].norm / way.layers[0].norm)


def explain_flow(
    facts: Facts, trace: Trace, value: Value, steps: Steps | None = None
) -> Finding:
    """Say how the gradient of a value changes from layer to layer on its way.

    Args:
        facts: What is known of the step's graph.
        trace: The step.
        value: A value that a gradient arrived at in this step.
        steps: The steps of the recording, to say how it is in others.
    """
    growth = measure(facts, trace, value)
    if growth is None:
        return _without_layers(facts, trace, value, steps)
    return finding_of(growth, growth.verdict, over=_over_steps(value, steps))


def finding_of(growth: Growth, verdict: Verdict, *, over: str = "") -> Finding:
    """Write down what becomes of a gradient."""
    shares = shares_of(growth.way.passages)
    main = shares[-1] if growth.factor > 1 else shares[0]
    ops = [s.op for s in growth.way.stations if s.op is not None]
    return Finding(
        kind=verdict.value,
        title=_title(growth, verdict),
        explanation=f"{_sizes(growth)} {_culprit(growth, verdict, main)}{over}",
        remedy=_remedy(growth, verdict, main),
        step=growth.trace.step,
        site=main.strongest.site,
        values=(growth.value.id, *(s.value for s in growth.way.layers)),
        ops=tuple(dict.fromkeys((main.strongest.id, *(op.id for op in ops)))),
        numbers=tuple(
            (f"gradient at {layer_name(growth.way, s)}", s.norm)
            for s in growth.way.layers
        ),
        paths=(_path(growth.way),),
    )


def _title(growth: Growth, verdict: Verdict) -> str:
    name = name_value(growth.trace, growth.value.id)
    passed = count(len(growth.way.layers) - 1, "layer")
    match verdict:
        case Verdict.VANISHES:
            return f"The gradient vanishes on its way back through {passed} to {name}"
        case Verdict.EXPLODES:
            return f"The gradient explodes on its way back through {passed} to {name}"
    return f"The gradient on its way back through {passed} to {name}"


def _sizes(growth: Growth) -> str:
    """Give the norm at each end, and the factor from layer to layer."""
    layers = growth.way.layers
    first, last = layers[0], layers[-1]
    each = growth.factor ** (1 / (len(layers) - 1))
    norms = [_norm(station.norm) for station in layers]
    between = ""
    if len(layers) > 2:  # noqa: PLR2004 - more than the two ends
        between = (
            f": {', '.join(norms[:_MOST_STEPS])}{', …' * (len(norms) > _MOST_STEPS)}"
        )
    return (
        f"At {layer_name(growth.way, first)}{where(site_of(growth.trace, first.value))}"
        f", the last layer, the gradient has the norm {norms[0]}; at "
        f"{layer_name(growth.way, last)}{where(site_of(growth.trace, last.value))} it "
        f"has {norms[-1]}, × {_factor(each)} from layer to layer{between}."
    )


def _factor(number: float) -> str:
    return amount(float(f"{number:.2g}"))


def _norm(number: float) -> str:
    return amount(float(f"{number:.3g}"))


def _call(growth: Growth, op: Op) -> str:
    """Name a call: as the user wrote it, or by its module."""
    is_own = growth.trace.has_own_expression(op)
    if op.scope and not is_own:
        return f"that in `{op.scope}`{where(op.site)}"
    return name_op(growth.trace, op)


def _culprit(growth: Growth, verdict: Verdict, main: Share) -> str:
    """Name the op at which it breaks, or the operator that does most of it."""
    call = _call(growth, main.strongest)
    if main.count == 1:
        text = f"Most of it happens at {call}: × {_factor(main.total)}."
    else:
        text = (
            f"Most of it happens in the {main.count} calls of {main.name}, together × "
            f"{_factor(main.total)}; {call} does most."
        )
    bound = _SATURATING.get(main.name)
    if bound and verdict is Verdict.VANISHES:
        text += f" The derivative of {main.name} is at most {bound}."
    return text


def _remedy(growth: Growth, verdict: Verdict, main: Share) -> str:
    if verdict is Verdict.STAYS:
        return ""
    if verdict is Verdict.VANISHES and main.name in _SATURATING:
        return (
            f"Use an activation that does not shrink the gradient (`relu`) instead of "
            f"{main.name}, or add what goes into a block to its result (a residual "
            "connection)."
        )
    if main.name in _PRODUCTS or main.name.startswith("conv"):
        return _remedy_weights(growth, verdict, main.strongest)
    if verdict is Verdict.EXPLODES:
        return (
            "Clip the gradients (`torch.nn.utils.clip_grad_norm_`) or normalise "
            "between the layers."
        )
    return "Normalise between the layers, or add residual connections."


def _remedy_weights(growth: Growth, verdict: Verdict, op: Op) -> str:
    """Propose a start for the weights of a layer, with the numbers for its width."""
    trace = growth.trace
    weight = next(
        (
            trace.graph.values[v]
            for v in op.inputs[1:2]
            if len(trace.graph.values[v].shape) > 1
        ),
        None,
    )
    seen = None if weight is None else trace.value_of(weight.id)
    if weight is None or seen is None or seen.stats is None:
        return "Start from weights of another size (`torch.nn.init.kaiming_normal_`)."
    inputs = 1
    for axis in weight.shape[1:]:
        inputs *= axis
    much = "large" if verdict is Verdict.EXPLODES else "small"
    due = (2 / inputs) ** 0.5
    return (
        f"Start from weights of another size: those of {name_value(trace, weight.id)} "
        f"have the standard deviation {amount(seen.stats.std)}, too {much} for "
        f"{count(inputs, 'input')}; `torch.nn.init.kaiming_normal_` takes √(2/{inputs})"
        f" = {_factor(due)}."
    )


def _over_steps(value: Value, steps: Steps | None) -> str:
    """Say how large the gradient of the same parameter is in other steps."""
    if steps is None or not value.name or len(steps) < 2:  # noqa: PLR2004
        return ""
    last = len(steps) - 1
    wanted = sorted({round(i * last / (_MOST_STEPS - 1)) for i in range(_MOST_STEPS)})
    found = [
        (trace.step, size)
        for trace in (steps[i] for i in wanted)
        if (size := _norm_in(trace, value.name)) is not None
    ]
    if len(found) < 2:  # noqa: PLR2004
        return ""
    told = listing_all([f"{_norm(size)} in step {step}" for step, size in found])
    return f" The norm of the gradient of `{value.name}` is {told}."


def listing_all(parts: Sequence[str]) -> str:
    """Join all parts of an enumeration, however many.

    >>> listing_all(["1", "2", "3"])
    '1, 2 and 3'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _norm_in(trace: Trace, name: str) -> float | None:
    for value in trace.graph.names.get(name, ()):
        seen = trace.gradient_of(value)
        if seen is not None and seen.stats is not None:
            return seen.stats.l2
    return None


def _without_layers(
    facts: Facts, trace: Trace, value: Value, steps: Steps | None
) -> Finding:
    """Say how large the gradient is on its way, op by op."""
    flow = flow_to(trace, value.id)
    way = None if flow is None else find_way(facts, flow, value.id)
    name = name_and_place(trace, value.id)
    if way is None or not way.stations:
        text = f"No gradient arrived at {name} in step {trace.step}."
        paths: tuple[tuple[PathStep, ...], ...] = ()
    else:
        first, last = way.stations[0], way.stations[-1]
        text = (
            f"From {name_and_place(trace, first.value)} to {name} the norm of the "
            f"gradient goes from {_norm(first.norm)} to {_norm(last.norm)}, over "
            f"{count(len(way.stations) - 1, 'operation')}."
        )
        paths = (_path(way),)
    return Finding(
        kind=Verdict.STAYS.value,
        title=f"The gradient on its way back to {name_value(trace, value.id)}",
        explanation=f"{text}{_over_steps(value, steps)}",
        remedy="",
        step=trace.step,
        site=site_of(trace, value.id),
        values=(value.id,),
        paths=paths,
    )


def _path(way: Way) -> tuple[PathStep, ...]:
    """Return the stations with their norms, and by what each is larger."""
    trace = way.flow.backward.trace
    ratios = [
        None,
        *(b.norm / a.norm if a.norm else None for a, b in pairwise(way.stations)),
    ]
    steps = [
        PathStep(
            text=code_of(trace, station.value) or name_value(trace, station.value),
            site=site_of(trace, station.value),
            value=station.value,
            op=None if station.op is None else station.op.id,
            mark=f"gradient {_norm(station.norm)}"
            + ("" if ratio is None else f" (× {_factor(ratio)})"),
        )
        for station, ratio in zip(way.stations, ratios, strict=True)
    ]
    if len(steps) <= _PATH:
        return tuple(steps)
    half = _PATH // 2
    left = len(steps) - 2 * half
    return (*steps[:half], PathStep(f"… {left} more …"), *steps[-half:])
