"""float16 ends at 65,504: which layer left it first, and how close the others are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.evidence.wording import amount, listing, name_value
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.analysis.why.nonfinite.mechanism import Mechanism
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.spread import reached
from graphscope.analysis.why.nonfinite.telling import tell_birth
from graphscope.model.finding import Finding
from graphscope.model.graph import Role
from graphscope.model.trace import Trace

LARGEST: Final = 65_504.0
_SHOWN: Final = 3


def is_overflow(scene: Scene, mechanism: Mechanism) -> bool:
    """Whether a birth is a number that float16 cannot hold, and float32 could."""
    return mechanism.is_range and scene.dtype == "float16"


def tell_overflow(scene: Scene, mechanism: Mechanism, harmful: HarmfulSlots) -> Finding:
    """Return the finding about a number that left the range of float16."""
    told = tell_birth(scene, mechanism, harmful)
    layer = _layer_of(scene)
    others = close_layers(scene)
    return replace(
        told,
        kind="fp16-overflow",
        title=f"{layer} leaves the range of float16",
        explanation=f"{told.explanation}{_closest(others)}",
        unknown=(*told.unknown, *_unknown(scene)),
        numbers=(
            *told.numbers,
            *((f"{name}: largest / 65,504", share) for name, share in others),
        ),
    )


def close_layers(scene: Scene) -> list[tuple[str, float]]:
    """Return how much of the range the others use up to then, the closest first.

    Of a birth in forward their results, of one in backward their gradients.
    """
    trace, graph = scene.trace, scene.trace.graph
    role = graph.slots[scene.birth.slot].role
    wanted = Role.VALUE if role is Role.VALUE else Role.GRAD_OUTPUT
    own, found = _layer_of(scene).lower(), dict[str, float]()
    for index in range(scene.birth.slot):
        slot = graph.slots[index]
        if slot.role is not wanted or slot.dtype != "float16" or slot.value is None:
            continue
        seen = trace.seen(index)
        stats = None if seen is None else seen.stats
        if stats is None or not stats.is_finite or not stats.numel:
            continue
        name = layer_name(trace, slot.value)
        if name is None:
            continue
        share = max(abs(stats.minimum), abs(stats.maximum)) / LARGEST
        if name != own:
            found[name] = max(found.get(name, 0.0), share)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def layer_name(trace: Trace, value: int) -> str | None:
    """Return the layer that computed a value; its own name in a step without layers.

    None for what no layer has computed, such as a weight that was cast.
    """
    op = trace.graph.values[value].op
    scope = "" if op is None else trace.graph.ops[op].scope
    if scope:
        return f"layer `{scope}`"
    has_layers = any(one.scope for one in trace.graph.ops)
    return None if has_layers else name_value(trace, value)


def _layer_of(scene: Scene) -> str:
    if scene.op is not None and scene.op.scope:
        return f"Layer `{scene.op.scope}`"
    value = scene.birth.value
    return "A number" if value is None else name_value(scene.trace, value)


def _unknown(scene: Scene) -> tuple[str, ...]:
    """Say of which layers nothing is known, because they were given NaN or Inf."""
    trace, graph = scene.trace, scene.trace.graph
    own, names = _layer_of(scene).lower(), dict[str, None]()
    for slot in sorted(reached(scene.flow, scene.birth.slot)):
        record = graph.slots[slot]
        is_half = record.role is Role.VALUE and record.dtype == "float16"
        name = layer_name(trace, record.value or 0) if is_half else None
        if name is not None and name not in (own, name_value(trace, record.value or 0)):
            names[name] = None
    if not names:
        return ()
    verb = "is" if len(names) == 1 else "are"
    which = "it" if verb == "is" else "them"
    text = f"Cannot tell how close {listing(list(names))} {verb} because what reaches "
    return (f"{text}{which} is not finite.",)


def _closest(others: Sequence[tuple[str, float]]) -> str:
    """Say how far the others are from the end of the range."""
    if not others:
        return ""
    shown = [f"{name} reaches {_percent(share)}" for name, share in others[:_SHOWN]]
    left = len(others) - len(shown)
    rest = f", the other {left} less" if left else ""
    return f" Before it {listing(shown)} of the range{rest}."


def _percent(share: float) -> str:
    """Write a share of the range.

    >>> _percent(0.4567), _percent(0.001), _percent(0.0)
    ('46 %', '0.1 %', '0 %')
    """
    percent = 100 * share
    return f"{amount(round(percent, 1) if percent < 1 else round(percent))} %"
