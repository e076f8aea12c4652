from graphscope.diagram.model import Style
from graphscope.model.graph import Event, EventKind, Phase
from graphscope.tui.state import (
    LAST,
    Position,
    View,
    fit,
    jump_to_phase,
    move_event,
    move_selection,
    move_step,
    phase_starts,
    toggle_pin,
    toggle_style,
    toggle_view,
)
from tests.samples import logistic_graph


def two_passes() -> list[Event]:
    phases = [Phase.FORWARD, Phase.LOSS, Phase.BACKWARD] * 2 + [Phase.UPDATE]
    passes = [0, 0, 0, 1, 1, 1, 1]
    return [
        Event(index, EventKind.OP, phase, pass_index)
        for index, (phase, pass_index) in enumerate(zip(phases, passes, strict=True))
    ]


def test_an_event_further_is_the_next_event() -> None:
    assert move_event(Position(0, 3), 1, events=12, steps=5) == Position(0, 4)


def test_after_the_last_event_comes_the_first_of_the_next_step() -> None:
    assert move_event(Position(0, 11), 1, events=12, steps=5) == Position(1, 0)


def test_before_the_first_event_comes_the_last_of_the_step_before() -> None:
    before = move_event(Position(3, 0), -1, events=12, steps=5)

    assert (before.step, fit(before, 7).event) == (2, 6)


def test_the_ends_of_the_recording_hold() -> None:
    assert move_event(Position(4, 11), 1, events=12, steps=5) == Position(4, 11)
    assert move_event(Position(0, 0), -1, events=12, steps=5) == Position(0, 0)
    assert move_step(Position(4), 1, steps=5).step == 4
    assert move_step(Position(0), -1, steps=5).step == 0


def test_a_step_further_stays_at_the_same_event() -> None:
    assert move_step(Position(0, 7, 2), 1, steps=5) == Position(1, 7, 2)


def test_an_empty_recording_has_one_place_to_be() -> None:
    assert move_step(Position(), 1, steps=0) == Position()
    assert move_event(Position(), 1, events=0, steps=0) == Position(0, -1)
    assert fit(Position(event=LAST), 0).event == -1


def test_a_jump_goes_to_the_first_event_of_the_phase() -> None:
    events = logistic_graph().events

    starts = {p.name: jump_to_phase(Position(0, 2), events, p) for p in Phase}

    assert {name: p.event for name, p in starts.items() if p is not None} == {
        "FORWARD": 0,
        "LOSS": 3,
        "ZERO": 4,
        "BACKWARD": 5,
        "UPDATE": 11,
    }


def test_the_same_jump_again_goes_to_the_next_pass_and_round() -> None:
    events = two_passes()
    found = []
    position = Position()
    for _ in range(3):
        there = jump_to_phase(position, events, Phase.BACKWARD)
        assert there is not None
        position = there
        found.append(position.event)

    assert found == [2, 5, 2]
    assert phase_starts(events, Phase.BACKWARD) == [2, 5]


def test_a_jump_to_a_phase_that_is_not_there_is_none() -> None:
    assert jump_to_phase(Position(), two_passes(), Phase.ZERO) is None


def test_the_selection_stops_at_both_ends() -> None:
    assert move_selection(Position(selection=7), 1, nodes=8).selection == 7
    assert move_selection(Position(selection=0), -1, nodes=8).selection == 0
    assert move_selection(Position(), 1, nodes=8).selection == 0
    assert move_selection(Position(), -1, nodes=8).selection == 7
    assert move_selection(Position(selection=3), 1, nodes=0).selection is None


def test_view_and_style_toggle_and_keep_the_place() -> None:
    position = Position(2, 3, 4)

    assert toggle_view(position) == Position(2, 3, 4, View.BOXES)
    assert toggle_view(toggle_view(position)) == position
    assert toggle_style(position) == Position(2, 3, 4, style=Style.VARIABLES)
    assert toggle_style(toggle_style(position)) == position


def test_a_pin_goes_to_the_selected_node_and_away_the_second_time() -> None:
    assert toggle_pin(None, 3) == 3
    assert toggle_pin(3, 5) == 5
    assert toggle_pin(5, 5) is None
    assert toggle_pin(5, None) is None
