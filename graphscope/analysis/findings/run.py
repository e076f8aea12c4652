"""All findings in the steps of a recording, each of them once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from graphscope.analysis.findings.checks import LASTING, RUN_CHECKS
from graphscope.analysis.findings.finder import (
    StepFinder,
    ask,
    ask_all,
    find_in_step,
    place_of,
    see_all,
)
from graphscope.analysis.findings.repeats import without_repeats
from graphscope.analysis.traps.learning_rate import find_learning_rate_trap
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Status, Trace

_FIRST_STEPS: Final = 4

Steps = Recording | Sequence[Trace]


class RunWatch:
    """Looks at the steps of a run one after another, for what shows over several."""

    def __init__(self, finder: StepFinder) -> None:
        self._finder = finder
        self._checks = [make() for make in RUN_CHECKS]

    def see(self, trace: Trace) -> list[Finding]:
        """Look at the next step; return what can be told already."""
        return see_all(self._checks, trace, self._finder.facts(trace.graph))

    def finish(self) -> list[Finding]:
        """Return what can be told only after the last step."""
        return [f for check in self._checks for f in ask_all(check.finish)]


def find_over_steps(steps: Steps) -> tuple[Finding, ...]:
    """Return what only shows over several steps; reads all losses, but few steps.

    Those are the first ones, and where an exception has ended the run the last two.
    """
    watch = RunWatch(StepFinder())
    places = [*range(min(_FIRST_STEPS, len(steps)))]
    if len(steps) > len(places) and steps[len(steps) - 1].status is Status.ABORTED:
        places += range(max(len(places), len(steps) - 2), len(steps))
    found = [finding for place in places for finding in watch.see(steps[place])]
    return _once([*found, *_find_explosion(steps)])


class RunSearch:
    """Looks at the steps of a run one after another for all that is wrong.

    It can be asked in between, so that a run may be followed while it goes on.
    """

    def __init__(self) -> None:
        self._finder = StepFinder()
        self._watch = RunWatch(self._finder)
        self._seen: dict[object, Sighting] = {}
        self._over_steps: list[Finding] = []
        self._trained: list[tuple[int, frozenset[object]]] = []
        self._count = 0

    @property
    def count(self) -> int:
        """How many steps were looked at."""
        return self._count

    def see(self, trace: Trace) -> None:
        """Look at the next step; some may be missing."""
        self._count += 1
        for finding in self._finder.find(trace):
            note_sighting(self._seen, finding)
        if trace.graph.roots:
            self._trained.append((trace.step, self._finder.places(trace.graph)))
        self._over_steps += self._watch.see(trace)

    def so_far(self) -> tuple[Finding, ...]:
        """Return what the steps that were seen show, whatever comes next."""
        return self._tell(self._over_steps, lasting=False)

    def finish(self, steps: Steps) -> tuple[Finding, ...]:
        """Return all that is wrong, as if the run had ended here.

        Changes nothing: it can be asked again when there are more steps.

        Args:
            steps: What was looked at, for what is seen in its losses.
        """
        at_the_end = [*self._watch.finish(), *_find_explosion(steps)]
        return self._tell([*self._over_steps, *at_the_end], lasting=True)

    def _tell(
        self, over_steps: Iterable[Finding], *, lasting: bool
    ) -> tuple[Finding, ...]:
        firsts = [
            _with_count(seen, self._count)
            for seen in self._seen.values()
            if seen.first.kind not in LASTING
            or (lasting and lasts(seen, self._trained))
        ]
        return tuple(sorted(_once([*over_steps, *firsts]), key=lambda f: f.step))


def find_all(steps: Steps) -> tuple[Finding, ...]:
    """Return what is wrong in a recording, each finding at the step it shows first.

    Reads every step. What shows in several says in how many.
    """
    search = RunSearch()
    for trace in steps:
        search.see(trace)
    return search.finish(steps)


def find_at(trace: Trace, known: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return those of a recording's findings that show in one of its steps.

    With the numbers of that step, where it has its own.
    """
    identities = {identity_of(finding) for finding in known}
    own = [f for f in find_in_step(trace) if identity_of(f) in identities]
    mine = {identity_of(finding) for finding in own}
    others = (f for f in known if f.step == trace.step and identity_of(f) not in mine)
    return (*own, *others)


def identity_of(finding: Finding) -> object:
    """Return what is the same for one finding in all steps: kind, line and title."""
    return finding.kind, place_of(finding.site), finding.title


def _find_explosion(steps: Steps) -> tuple[Finding, ...]:
    losses: Sequence[float | None]
    if isinstance(steps, Sequence):
        losses = [trace.loss() for trace in steps]
    else:
        losses = steps.losses()
    found = ask(partial(find_learning_rate_trap, steps, losses))
    return () if found is None else (found,)


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out what was found before."""
    found: dict[object, Finding] = {}
    for finding in findings:
        found.setdefault(identity_of(finding), finding)
    return without_repeats(tuple(found.values()))


@dataclass(slots=True)
class Sighting:
    """One finding that shows in several steps: as it was first, and in which."""

    first: Finding
    steps: set[int]


def note_sighting(seen: dict[object, Sighting], finding: Finding) -> None:
    """Note that a finding shows in a step; of later ones only the step is kept."""
    known = seen.get(identity := identity_of(finding))
    if known is None:
        seen[identity] = Sighting(finding, {finding.step})
    else:
        known.steps.add(finding.step)


def lasts(seen: Sighting, trained: Sequence[tuple[int, frozenset[object]]]) -> bool:
    """Whether a fault shows in every later training step that runs the same line."""
    place = place_of(seen.first.site)
    return all(
        step in seen.steps
        for step, places in trained
        if step >= seen.first.step and place in places
    )


def _with_count(seen: Sighting, total: int) -> Finding:
    first, count = seen.first, len(seen.steps)
    if count == 1:
        return first
    many = f"all {total:,}" if count == total else f"{count:,} of {total:,}"
    return replace(first, explanation=f"{first.explanation} So it is in {many} steps.")
