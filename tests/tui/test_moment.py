from graphscope.model.graph import Role
from graphscope.model.numbers import format_observation
from graphscope.tui.moment import ARRIVALS, VALUES, Moment, Reading
from tests.samples import logistic_trace
from tests.tui.steps import zeroed_after_the_update

W_1, U, Z = 1, 2, 4
LAST = 11


def text(reading: Reading | None) -> tuple[str, bool]:
    assert reading is not None
    return format_observation(reading.seen), reading.is_known


def test_the_value_of_an_op_is_known_from_its_event_on() -> None:
    trace = logistic_trace()

    assert text(Moment(trace, 0).latest(Z, *VALUES)) == ("1.9", False)
    assert text(Moment(trace, 1).latest(Z, *VALUES)) == ("1.9", True)


def test_the_value_of_a_leaf_is_known_from_the_start() -> None:
    assert text(Moment(logistic_trace(), -1).latest(W_1, *VALUES)) == ("0.5", True)


def test_after_the_update_the_value_is_the_new_one() -> None:
    # 0.5 − 0.1 · (−0.4814) = 0.5481
    assert text(Moment(logistic_trace(), LAST).latest(W_1, *VALUES)) == ("0.5481", True)


def test_a_gradient_is_known_from_its_arrival_on() -> None:
    trace = logistic_trace()

    assert text(Moment(trace, 6).latest(Z, *ARRIVALS)) == ("−0.1301", False)
    assert text(Moment(trace, 7).latest(Z, *ARRIVALS)) == ("−0.1301", True)


def test_what_was_never_recorded_is_none() -> None:
    assert Moment(logistic_trace(), LAST).latest(0, *ARRIVALS) is None


def test_an_absent_gradient_is_a_reading_without_tensor() -> None:
    before, *_ = Moment(logistic_trace(), LAST).readings(W_1, Role.BEFORE)

    assert before.seen is None
    assert before.is_known


def test_results_are_made_by_their_op_and_leaves_were_always_there() -> None:
    moment = Moment(logistic_trace(), 0)

    assert [moment.is_made(value) for value in (W_1, U, Z)] == [True, True, False]


def test_outside_of_the_events_there_is_no_current_event() -> None:
    assert Moment(logistic_trace(), -1).current is None
    assert Moment(logistic_trace(), 99).current is None


def test_what_an_optimizer_made_of_a_parameter_is_there_from_the_update_on() -> None:
    trace = zeroed_after_the_update()
    updated = 8
    moments = [Moment(trace, event) for event in (0, LAST - 1, LAST, LAST + 1)]

    assert [moment.is_made(updated) for moment in moments] == [
        False,
        False,
        True,
        True,
    ]
    assert [text(moment.latest(updated, *VALUES)) for moment in moments[1:3]] == [
        ("0.5481", False),
        ("0.5481", True),
    ]
