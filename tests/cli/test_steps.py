"""Which step a command is about when none was asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from graphscope.cli.steps import choose_step
from graphscope.errors import NotRecordedError, StepRangeError
from graphscope.model.trace import Status, Trace
from tests.samples import logistic_trace


@dataclass(frozen=True)
class Steps:
    """A recording of steps that ended as told."""

    ends: tuple[Status, ...]

    @property
    def environment(self) -> Mapping[str, str]:
        return {}

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, step: int) -> Trace:
        return replace(logistic_trace(step), status=self.ends[step])

    def __iter__(self) -> Iterator[Trace]:
        return (self[step] for step in range(len(self)))

    def losses(self) -> Sequence[float | None]:
        return [None for _ in self.ends]


@pytest.mark.parametrize(
    ("ends", "chosen"),
    [
        ([Status.COMPLETE, Status.COMPLETE], 1),
        ([Status.COMPLETE, Status.COMPLETE, Status.OPEN], 1),
        ([Status.COMPLETE, Status.ABORTED], 0),
        ([Status.OPEN], 0),
        ([Status.OPEN, Status.OPEN], 1),
    ],
)
def test_without_a_wish_it_is_the_last_complete_step(
    ends: list[Status], chosen: int
) -> None:
    assert choose_step(Steps(tuple(ends)), None).step == chosen


def test_a_wish_is_taken_literally() -> None:
    steps = Steps((Status.COMPLETE, Status.OPEN))

    assert choose_step(steps, 1).step == 1


@pytest.mark.parametrize("wanted", [-1, 1])
def test_a_step_that_is_not_there_is_refused(wanted: int) -> None:
    with pytest.raises(StepRangeError) as caught:
        choose_step(Steps((Status.OPEN,)), wanted)

    assert str(caught.value) == (
        f"There is no step {wanted}: the recording has step 0. "
        "Choose one of them with --step."
    )


def test_an_empty_recording_says_what_to_do() -> None:
    with pytest.raises(NotRecordedError) as caught:
        choose_step(Steps(()), None)

    assert str(caught.value) == (
        "The recording has no steps: nothing ran in torch while it was made. "
        "Record a script that computes something."
    )


@dataclass(frozen=True)
class Thinned(Steps):
    """A recording of which steps 0, 4 and 8 are left."""

    ends: tuple[Status, ...] = (Status.COMPLETE,) * 3

    @property
    def numbers(self) -> Sequence[int]:
        return [0, 4, 8]

    def __getitem__(self, step: int) -> Trace:
        return logistic_trace(self.numbers[step])


def test_steps_of_a_thinned_recording_are_chosen_by_their_true_number() -> None:
    assert choose_step(Thinned(), 8).step == 8
    assert choose_step(Thinned(), None).step == 8


def test_a_missing_step_is_refused_with_the_nearest() -> None:
    with pytest.raises(StepRangeError) as caught:
        choose_step(Thinned(), 5)

    assert str(caught.value) == (
        "Step 5 is missing (6 of 9 missing). Choose the nearest, 4 and 8, with --step."
    )
