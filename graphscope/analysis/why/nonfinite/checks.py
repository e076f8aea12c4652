"""The check of a step: where was its first NaN or Inf that does harm born?"""

from collections.abc import Iterator
from functools import partial

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.traps.nan_input import find_nan_traps
from graphscope.analysis.traps.swapped import find_swapped_traps
from graphscope.analysis.why.nonfinite.flow import Birth, Cause, trace_flow
from graphscope.analysis.why.nonfinite.half import is_overflow, tell_overflow
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.analysis.why.nonfinite.reasons import explain_birth
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.skipping import add_skips, skipped_in_a_row
from graphscope.analysis.why.nonfinite.sources import Places
from graphscope.analysis.why.nonfinite.telling import choose_birth, tell_birth
from graphscope.model.finding import Finding
from graphscope.model.packed import PackedNumbers, nonfinite_slots
from graphscope.model.trace import Trace


def find_nonfinite(facts: Facts) -> Iterator[Check]:
    """Yield the one check for the first NaN or Inf of a step."""
    yield partial(_judge, Places(facts), HarmfulSlots(facts))


def _judge(places: Places, harmful: HarmfulSlots, trace: Trace) -> Finding | None:
    seen = trace.observations
    if isinstance(seen, PackedNumbers) and seen.is_finite:
        return None
    bad = nonfinite_slots(seen)
    if not bad or not harmful.beginnings.isdisjoint(bad):
        return None  # what it begins with was made in another step, and told there
    harm, skips = harmful.find(trace), 0
    if not harm and harmful.scale_updates:
        harm, skips = skipped_in_a_row(harmful, trace, bad)
    if not harm:
        return None
    flow = trace_flow(places, trace)
    birth = choose_birth(flow, harm)
    if birth is None or _is_told(places.facts, trace, birth):
        return None
    found = tell(Scene(places.facts, trace, flow, birth), harmful)
    return add_skips(found, skips) if skips else found


def tell(scene: Scene, harmful: HarmfulSlots) -> Finding:
    """Return the finding about a birth: of the range of float16, or any other."""
    mechanism = explain_birth(scene)
    if is_overflow(scene, mechanism):
        return tell_overflow(scene, mechanism, harmful)
    return tell_birth(scene, mechanism, harmful)


def _is_told(facts: Facts, trace: Trace, birth: Birth) -> bool:
    """Whether another check says why: NaN in the data, arguments the wrong way."""
    if birth.cause is Cause.GIVEN:
        told = (check(trace) for check in find_nan_traps(facts))
        return any(f is not None and birth.value in f.values for f in told)
    if birth.op is None:
        return False
    told = (check(trace) for check in find_swapped_traps(facts))
    return any(f is not None and birth.op in f.ops for f in told)
