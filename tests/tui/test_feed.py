from collections.abc import Sequence

import pytest

from graphscope.errors import RecordingError, StepRangeError
from graphscope.model.graph import Role
from graphscope.tui.feed import Feed, check_step
from tests.samples import logistic_traces
from tests.tui.screens import ListRecording


def test_a_series_has_one_number_for_each_step() -> None:
    feed = Feed(ListRecording(logistic_traces(2)))

    # z₀ = 3.7 · 0.5 + 0.05 = 1.9; w₁ = 0.5481, b = 0.0630 after it: z₁ = 2.0911
    assert feed.series("z", Role.VALUE) == pytest.approx([1.9, 2.0911], abs=1e-3)


def test_a_series_has_none_where_a_step_is_damaged_or_has_no_such_name() -> None:
    feed = Feed(ListRecording(logistic_traces(3), damaged=[1]))

    assert [number is None for number in feed.series("z", Role.VALUE)] == [
        False,
        True,
        False,
    ]
    assert feed.series("nothing", Role.VALUE) == [None, None, None]


def test_a_series_that_is_not_wanted_any_more_is_given_up() -> None:
    feed = Feed(ListRecording(logistic_traces(3)))

    assert feed.series("z", Role.VALUE, is_wanted=lambda: False) == []


def test_a_recording_that_keeps_series_is_asked_for_them() -> None:
    class Keeping(ListRecording):
        def series(self, name: str, role: Role) -> list[float | None]:
            return [42.0, None] if (name, role) == ("z", Role.VALUE) else []

    feed = Feed(Keeping(logistic_traces(2)))

    assert feed.series("z", Role.VALUE) == [42.0, None]


def test_steps_are_remembered_and_errors_are_not() -> None:
    recording = ListRecording(logistic_traces(3), damaged=[1])
    feed = Feed(recording)
    first = feed.trace(0)
    with pytest.raises(RecordingError):
        feed.trace(1)
    recording.damaged = [0]

    assert feed.trace(0) is first
    assert feed.trace(1).step == 1


def test_a_recording_that_cannot_grow_never_changes() -> None:
    assert Feed(ListRecording([])).refresh() is False


@pytest.mark.parametrize(
    ("step", "numbers", "message"),
    [
        (3, range(3), "There is no step 3: the recording has steps 0 to 2."),
        (-1, range(1), "There is no step -1: the recording has step 0."),
        (0, [], "There is no step 0: the recording has no steps."),
        (5, [0, 4, 8], "Step 5 is missing; the nearest are 4 and 8."),
        (9, [0, 4, 8], "There is no step 9: the recording has steps 0 to 8."),
    ],
)
def test_a_step_that_is_not_there_is_refused(
    step: int, numbers: Sequence[int], message: str
) -> None:
    with pytest.raises(StepRangeError, match=message):
        check_step(step, numbers)


def test_a_step_is_found_by_its_number() -> None:
    assert check_step(8, [0, 4, 8]) == 2
