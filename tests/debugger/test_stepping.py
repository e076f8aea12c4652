"""Where the stepping verbs end."""

from dataclasses import replace

import pytest

from graphscope.debugger.stepping import (
    AskedOnce,
    Goal,
    Place,
    is_end_reached,
    is_reached,
    place_of,
)
from graphscope.debugger.verbs import Verb
from graphscope.errors import DebuggerError
from graphscope.model.graph import EventKind, Phase
from tests.debugger.arrivals import MadeUp

INSIDE = MadeUp(scope="enc.attn", index=3)


def goes(verb: Verb, start: MadeUp, *events: MadeUp) -> int | None:
    """Return which of `events` the verb, given at `start`, ends at."""
    goal = Goal(verb, place_of(start))
    for number, event in enumerate(events):
        if is_reached(goal, event):
            return number
    return None


def test_step_ends_at_the_very_next_event() -> None:
    assert goes(Verb.STEP, INSIDE, replace(INSIDE, index=4)) == 0


def test_over_passes_what_the_module_still_does() -> None:
    deeper = replace(INSIDE, scope="enc.attn.q")
    twin = replace(INSIDE, scope="enc.attn2")

    assert goes(Verb.OVER, INSIDE, INSIDE, deeper, twin) == 2


def test_over_is_a_step_outside_of_modules() -> None:
    assert goes(Verb.OVER, MadeUp(), INSIDE) == 0


def test_out_ends_with_the_module_or_what_calls_it() -> None:
    goal = Goal(Verb.OUT, place_of(INSIDE))

    assert [is_end_reached(goal, s) for s in ("enc.attn.q", "enc.attn", "enc")] == [
        False,
        True,
        True,
    ]
    assert goes(Verb.OUT, INSIDE, INSIDE, replace(INSIDE, scope="enc")) == 1


def test_out_of_a_module_that_is_never_left_ends_with_the_step() -> None:
    assert goes(Verb.OUT, INSIDE, INSIDE, replace(INSIDE, step=1)) == 1


def test_there_is_no_out_outside_of_modules() -> None:
    with pytest.raises(DebuggerError, match="outside of every module"):
        Goal(Verb.OUT, Place(step=3))
    with pytest.raises(DebuggerError, match="Nothing has been recorded yet"):
        Goal(Verb.OUT, Place())


def test_next_phase_ends_where_the_phase_pass_or_step_changes() -> None:
    backward = replace(INSIDE, phase=Phase.BACKWARD)

    assert goes(Verb.NEXT_PHASE, INSIDE, INSIDE, backward) == 1
    assert goes(Verb.NEXT_PHASE, INSIDE, INSIDE, replace(INSIDE, pass_index=1)) == 1
    assert goes(Verb.NEXT_PHASE, INSIDE, INSIDE, replace(INSIDE, step=1)) == 1


def test_next_step_ends_at_the_first_event_of_another_step() -> None:
    later = replace(INSIDE, index=9, phase=Phase.UPDATE)

    assert goes(Verb.NEXT_STEP, INSIDE, INSIDE, later, MadeUp(step=1)) == 2


def test_a_node_that_was_stepped_to_before_it_ran_is_no_event_again() -> None:
    asked = AskedOnce()
    before = MadeUp(kind=EventKind.GRAD, is_before=True, index=5)
    after = replace(before, is_before=False)
    inner = MadeUp(index=6)

    assert [asked.is_new(a) for a in (before, inner, after)] == [True, True, False]
    # The next step has an event with the same index; this node was not asked before.
    assert asked.is_new(replace(after, step=1))
