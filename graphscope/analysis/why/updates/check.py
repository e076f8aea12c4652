"""The check of a run that follows its updates."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.updates.clipping import ClippingPart
from graphscope.analysis.why.updates.extent import ExtentPart
from graphscope.analysis.why.updates.freezing import FreezingPart
from graphscope.analysis.why.updates.look import Look
from graphscope.analysis.why.updates.membership import MembershipPart
from graphscope.analysis.why.updates.part import Part
from graphscope.analysis.why.updates.rate import RatePart
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace

_KEPT: Final = 16


class UpdateCheck:
    """Finds updates that do nothing, or too much."""

    def __init__(self) -> None:
        self._looks: dict[int, Look] = {}
        self._numbers = count()
        self._parts: tuple[Part, ...] = (
            MembershipPart(),
            RatePart(),
            ClippingPart(),
            ExtentPart(),
            FreezingPart(),
        )

    def see(self, trace: Trace, facts: Facts) -> tuple[Finding, ...]:
        """Follow the updates of a step; what is wrong shows at the end."""
        look = self._look_at(facts)
        for part in self._parts:
            part.see(trace, look)
        return ()

    def _look_at(self, facts: Facts) -> Look:
        known = self._looks.get(id(facts))
        if known is not None and known.facts is facts:
            return known
        if len(self._looks) >= _KEPT:
            self._looks.pop(next(iter(self._looks)))
        self._looks[id(facts)] = found = Look(facts, next(self._numbers))
        return found

    def finish(self) -> Iterator[Finding]:
        """Return what was wrong."""
        for part in self._parts:
            yield from part.finish()
