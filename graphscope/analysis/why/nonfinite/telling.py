"""The finding about a birth: what, where, why, how it spread, what to do."""

from collections.abc import Sequence
from dataclasses import replace

from graphscope.analysis.evidence.facts import UNWRITTEN, is_arranging
from graphscope.analysis.evidence.wording import (
    begin,
    name_and_place,
    name_call,
    name_value,
    site_of,
    where,
)
from graphscope.analysis.why.nonfinite.flow import Birth, Cause, Flow, is_purposeful
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.analysis.why.nonfinite.mechanism import Mechanism
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.spread import (
    Reached,
    describe_spread,
    describe_turn,
    kind_of,
    path_to,
    reached,
)
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import OpKind, Role
from graphscope.model.site import Site
from graphscope.model.trace import Trace


def choose_birth(flow: Flow, harm: Sequence[int]) -> Birth | None:
    """Return the first birth behind some slots; what was put there only without one."""
    known = {birth for slot in harm for birth in flow.origins.get(slot, ())}
    births = [flow.births[slot] for slot in sorted(known)]
    made = [birth for birth in births if not is_purposeful(birth)]
    return next(iter(made or births), None)


def tell_birth(scene: Scene, mechanism: Mechanism, harmful: HarmfulSlots) -> Finding:
    """Return the finding about a birth."""
    trace, birth = scene.trace, scene.birth
    found = reached(scene.flow, birth.slot)
    texts = (
        _certificate(scene, mechanism),
        describe_turn(trace, found, birth),
        describe_spread(trace, harmful, found, birth),
    )
    values = [birth.value, *(trace.graph.slots[s].value for s in sorted(found))]
    return Finding(
        kind="nan" if scene.is_nan else "inf",
        title=f"{_subject(scene)} {_verb(scene)}{mechanism.name}",
        explanation=" ".join(text for text in texts if text),
        remedy=mechanism.remedy,
        step=trace.step,
        site=site_of_birth(scene),
        values=tuple(dict.fromkeys(v for v in values if v is not None)),
        ops=() if birth.op is None else (birth.op,),
        nodes=() if birth.node is None else (birth.node,),
        numbers=(*mechanism.numbers, *_counts(scene)),
        paths=tuple(_paths(trace, harmful, found, birth.slot)),
        unknown=mechanism.unknown,
    )


def site_of_birth(scene: Scene) -> Site | None:
    """Return the user's line of a birth."""
    birth, trace = scene.birth, scene.trace
    if scene.op is not None and scene.op.site is not None:
        return scene.op.site
    if birth.cause is not Cause.GIVEN:
        return trace.graph.events[trace.graph.slots[birth.slot].event].site
    return None if birth.value is None else site_of(trace, named_value(scene))


def named_value(scene: Scene) -> int:
    """Return the value that a finding is about.

    Of data without a name, as in `torch.tensor(d).float()`, it is the first that has
    one; only while nothing but its arrangement changes.
    """
    value = scene.birth.value or 0
    if scene.birth.cause is not Cause.GIVEN:
        return value
    graph = scene.trace.graph
    start = value
    while graph.values[value].name is None:
        readers = graph.consumers.get(value, ())
        if len(readers) != 1 or not is_arranging(graph.ops[readers[0]]):
            return start
        (value, *_) = graph.ops[readers[0]].outputs
    return value


def _verb(scene: Scene) -> str:
    what = kind_of(scene.made)
    if scene.birth.cause is not Cause.GIVEN or scene.birth.given:
        return f"becomes {what}: "
    op = scene.op
    is_plain = op is None or (op.kind is OpKind.CREATE and scene.name not in UNWRITTEN)
    return f"holds {what}{',' if is_plain else ':'} "


def _subject(scene: Scene) -> str:
    """Name what is not finite, for a title."""
    birth = scene.birth
    if birth.value is None:
        return "A gradient"
    name = name_value(scene.trace, named_value(scene))
    if scene.trace.graph.slots[birth.slot].role in (Role.VALUE, Role.UPDATED):
        return begin(name)
    return f"The gradient of {name}"


def _certificate(scene: Scene, mechanism: Mechanism) -> str:
    """Say what was born where, and of what."""
    trace, birth = scene.trace, scene.birth
    what = kind_of(scene.made)
    step = f"In step {trace.step}, " if trace.step else ""
    why = f"{mechanism.why}."
    if birth.cause is Cause.SENT and scene.op is not None:
        of = "a tensor" if birth.value is None else name_value(trace, birth.value)
        call = name_call(trace, scene.op)
        start = (
            f"{step}backward of {call} gives {of} the gradient {what}{_share(scene)}"
        )
        return f"{begin(start)}: {why}"
    if birth.value is None:
        return begin(f"{step}a gradient becomes {what}{_share(scene)}: {why}")
    slot = trace.graph.slots[birth.slot]
    if slot.role is Role.UPDATED:
        event = trace.graph.events[slot.event]
        name = name_value(trace, birth.value)
        start = f"{step}the update{where(event.site)} makes {name} {what}"
        return f"{begin(start)}{_share(scene)}: {why}"
    subject = name_and_place(trace, named_value(scene))
    if slot.role is not Role.VALUE:
        subject = f"the gradient of {name_value(trace, birth.value)}"
    return f"{begin(f'{step}{subject} is {what}{_share(scene)}')}: {why}"


def _share(scene: Scene) -> str:
    made = scene.made
    stats = None if made is None else made.stats
    if stats is None or stats.numel <= 1:
        return ""
    return f" in {stats.nans + stats.infs:,} of {stats.numel:,} numbers"


def _counts(scene: Scene) -> tuple[tuple[str, float], ...]:
    made = scene.made
    stats = None if made is None else made.stats
    if stats is None:
        return ()
    found = (("NaN", stats.nans), ("Inf", stats.infs))
    return tuple((f"numbers that are {what}", float(n)) for what, n in found if n)


def _paths(
    trace: Trace, harmful: HarmfulSlots, found: Reached, start: int
) -> list[tuple[PathStep, ...]]:
    """Return the ways to the loss and to the first parameter, where they were taken."""
    targets = []
    for wanted in (harmful.ends, harmful.updates or harmful.gradients):
        hit = [slot for slot in sorted(found) if slot in wanted and slot != start]
        targets += hit[:1]
    if not targets:
        targets = [s for s in sorted(found) if s in harmful.gradients and s != start][
            :1
        ]
    ways = [path_to(trace, found, target) for target in targets]
    return [_from_name(trace, way) for way in ways]


def _from_name(trace: Trace, way: tuple[PathStep, ...]) -> tuple[PathStep, ...]:
    """Begin a way of given data where they have a name."""
    first = way[0]
    if first.value is None or first.op is not None:
        return way
    for number, row in enumerate(way):
        if row.value is not None and trace.graph.values[row.value].name:
            return (replace(row, mark=first.mark), *way[number + 1 :])
        if row.op is not None and not is_arranging(trace.graph.ops[row.op]):
            break
    return way
