"""Steps that a GradScaler skips without end, because no smaller scale can help."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.evidence.reading import scalar_of
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace

_ENDLESS: Final = 3
"""Skipped steps in a row of a fault that no scale can mend."""


def skipped_in_a_row(
    harmful: HarmfulSlots, trace: Trace, bad: Sequence[int]
) -> tuple[list[int], int]:
    """Return what does harm in the steps that a GradScaler skipped in a row to the end.

    Nothing unless it is sure that a smaller scale does not help: it has fallen below
    1, or what backward starts from is not finite before it is scaled at all.

    Returns:
        The slots, and how many steps were skipped.
    """
    skipped = [one for one in harmful.skipped(trace) if one[1] <= _last_choice(harmful)]
    passes = len(harmful.scale_updates)
    if len(skipped) < _ENDLESS or len(skipped) < passes:
        return [], 0  # some step was made: it goes on
    slots = trace.graph.slots
    harm = [
        [s for s in bad if s in harmful.all and begin <= slots[s].event < end]
        for begin, end in skipped
    ]
    is_forward = all(any(s in harmful.ends for s in one) for one in harm)
    if is_forward or _scale(harmful, trace) < 1.0:
        return [s for one in harm for s in one], len(skipped)
    return [], 0


def _last_choice(harmful: HarmfulSlots) -> int:
    graph = harmful.graph
    last = harmful.scale_updates[-1] if harmful.scale_updates else None
    return 0 if last is None else graph.op_events.get(last, 0) + 1


def _scale(harmful: HarmfulSlots, trace: Trace) -> float:
    last = trace.graph.ops[harmful.scale_updates[-1]]
    found = scalar_of(trace, last.outputs[0]) if last.outputs else None
    return float("inf") if found is None else found


def add_skips(finding: Finding, count: int) -> Finding:
    """Say in a finding that a GradScaler skips every step because of it."""
    return replace(
        finding,
        explanation=(
            f"{finding.explanation} The GradScaler has skipped all {count} steps so "
            "far, and a smaller scale does not help: it is not the scaled gradient "
            "that is too large."
        ),
        numbers=(*finding.numbers, ("steps skipped in a row", float(count))),
    )
