"""Parameters that no optimizer holds, and optimizers that hold what nobody uses.

A parameter that gets a gradient and is never updated is no fault by itself: a network
that only judges, or an input whose gradient is wanted. It is one where the rest of the
same model is trained, or where the optimizer trains what has taken its place before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from graphscope.analysis.why.updates.look import Leaf, Look, Run
from graphscope.analysis.why.updates.outside import (
    Outsider,
    tell_outside,
    tell_replaced,
)
from graphscope.model.finding import Finding
from graphscope.model.optimizers import HeldParameter
from graphscope.model.trace import Trace

_OTHER_MODEL_STEPS: Final = 6
_PLAIN_STEPS: Final = 2
_MISSING: Final = (
    "Cannot tell whether another optimizer has run in the steps that are missing here.",
)


@dataclass(slots=True)
class _Seen:
    """A leaf that gets gradients, over the steps: `steps` of them with an update."""

    leaf: Leaf
    trace: Trace
    steps: int = 0
    is_kept: bool = False  # the same tensor was there in more than one step


@dataclass(slots=True)
class _Held:
    """What an optimizer holds of which nothing in any step has made use."""

    run: Run
    idle: dict[int, HeldParameter] = field(default_factory=dict)


@dataclass(slots=True)
class _Graph:
    """A graph's leaves, each with whether it was there before; its number of steps."""

    leaves: dict[str, bool]
    has_update: bool
    steps: int = 1


class MembershipPart:
    """Collects over the steps who gets gradients and who is held."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._held: set[str] = set()
        self._by_hand: set[str] = set()
        self._optimizers: dict[object, _Held] = {}
        self._has_modules = False
        self._next, self._has_gap = 0, False
        self._graphs: dict[int, _Graph] = {}

    def see(self, trace: Trace, look: Look) -> None:
        """Look at a step: once for a graph, after that it is only counted."""
        self._has_gap = self._has_gap or trace.step > self._next
        self._next = trace.step + 1
        known = self._graphs.get(look.number)
        if known is not None:
            known.steps += 1
            return
        kept = {leaf.key: not leaf.is_made_here for leaf in look.leaves}
        self._graphs[look.number] = _Graph(kept, bool(look.runs))
        self._read(trace, look)

    def _read(self, trace: Trace, look: Look) -> None:
        for run in look.runs:
            self._held.update(filter(None, map(look.key_of, run.held)))
            self._note_idle(look, run)
        self._by_hand.update(leaf.key for leaf in look.leaves if leaf.is_by_hand)
        self._has_modules = self._has_modules or bool(look.graph.parameters)
        if look.runs:
            for leaf in look.leaves:
                self._seen.setdefault(leaf.key, _Seen(leaf, trace))

    def _note_idle(self, look: Look, run: Run) -> None:
        moved = {one.value for one in run.moved}  # of a gradient set by hand, perhaps
        idle = {
            place: held
            for place, held in enumerate(run.held)
            if held.requires_grad
            and held.value not in moved
            and look.is_untouched(held)
        }
        known = self._optimizers.get(run.key)
        if known is None:
            self._optimizers[run.key] = _Held(run, idle)
        else:
            known.idle = {p: held for p, held in known.idle.items() if p in idle}

    def finish(self) -> Iterator[Finding]:
        """Tell of the parameters that no update can reach."""
        self._count()
        missing = [
            seen
            for key, seen in self._seen.items()
            if key not in self._held and key not in self._by_hand
        ]
        replaced, rest = self._pair(missing)
        for held, pairs in replaced:
            yield self._with_doubt(tell_replaced(held.run, pairs, self._total))
        certain = [seen for seen in rest if self._is_forgotten(seen)]
        if certain:
            runs = [held.run for held in self._optimizers.values()]
            outsiders = [Outsider(seen.leaf, seen.trace) for seen in certain]
            yield self._with_doubt(tell_outside(runs, outsiders, self._total))

    def _with_doubt(self, finding: Finding) -> Finding:
        """Say so where steps are missing, in which another optimizer may have run."""
        return replace(finding, unknown=_MISSING) if self._has_gap else finding

    @property
    def _total(self) -> int:
        return sum(one.steps for one in self._graphs.values() if one.has_update)

    def _count(self) -> None:
        for one in self._graphs.values():
            if not one.has_update:
                continue
            for key, is_kept in one.leaves.items():
                seen = self._seen[key]
                seen.steps += one.steps
                seen.is_kept = seen.is_kept or is_kept

    def _pair(
        self, missing: Sequence[_Seen]
    ) -> tuple[list[tuple[_Held, list[tuple[Outsider, HeldParameter]]]], list[_Seen]]:
        """Return for each optimizer what has taken the place of what it holds."""
        found = []
        rest = [*missing]
        for held in self._optimizers.values():
            idle = [*held.idle.values()]
            pairs: list[tuple[Outsider, HeldParameter]] = []
            for seen in [*rest]:
                if seen.leaf.is_made_here and not seen.is_kept:
                    continue
                old = _predecessor(seen.leaf, idle)
                if old is not None:
                    idle.remove(old)
                    rest.remove(seen)
                    pairs.append((Outsider(seen.leaf, seen.trace), old))
            if pairs:
                found.append((held, pairs))
        return found, rest

    def _is_forgotten(self, seen: _Seen) -> bool:
        """Whether a parameter is certainly meant to be trained."""
        leaf = seen.leaf
        if leaf.is_listed and leaf.key != leaf.label:
            return False  # there are several such models: which one, nobody can tell
        if leaf.root is None:
            return (
                not self._has_modules
                and bool(self._held)
                and seen.steps >= _PLAIN_STEPS
                and seen.is_kept
                and not leaf.is_read
                and leaf.is_named
            )
        is_of_trained = any(
            other.leaf.root == leaf.root
            for key, other in self._seen.items()
            if key in self._held
        )
        is_training = leaf.training is True and seen.steps >= _OTHER_MODEL_STEPS
        return is_of_trained or is_training


def _predecessor(leaf: Leaf, idle: Sequence[HeldParameter]) -> HeldParameter | None:
    """Return the idle parameter in whose place a leaf most probably is.

    That of its name, else of its shape, else of as many axes: a layer is often
    exchanged for one with another number of outputs.
    """
    for is_like in (
        lambda held: held.name == leaf.key,
        lambda held: not held.name and held.shape == leaf.shape,
        lambda held: not held.name and len(held.shape) == len(leaf.shape),
    ):
        found = next(filter(is_like, idle), None)
        if found is not None:
            return found
    return None
