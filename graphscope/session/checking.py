"""All findings of a recording, also of one that cannot be read in full.

Separate from the findings themselves, because what was not looked at belongs to the
file: steps that are damaged or were thinned, a run that has not ended.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from graphscope.analysis.evidence.wording import count, listing
from graphscope.analysis.findings import find_all
from graphscope.errors import NotRecordedError, RecordingError
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.storage.ending import Ending
from graphscope.storage.file import FileRecording, open_recording


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a recording.

    Attributes:
        path: Its file, as it was asked for.
        steps: How many steps were looked at.
        findings: What was found, in the order of the steps in which it shows first.
        notes: What was not looked at, and why, as complete sentences.
        is_damaged: Whether some of it cannot be read.
    """

    path: Path
    steps: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    is_damaged: bool = False


def check_recording(path: Path) -> Checked:
    """Look for everything that is wrong in a recording.

    Raises:
        NotRecordedError: It has no steps.
        RecordingError: It cannot be read, or none of its steps can.
    """
    with closing(open_recording(path)) as recording:
        if not len(recording):
            raise NotRecordedError(_describe_nothing(path, recording))
        found, lost = _find(recording)
        left = len(recording) - len(lost)
        if not left:
            raise RecordingError(
                f"None of the {count(len(lost), 'step')} in {path} can be read: the "
                "file is damaged. Record it again."
            )
        notes = tuple(_notes(recording, lost))
        return Checked(path, left, found, notes, is_damaged=bool(lost))


def _find(recording: FileRecording) -> tuple[tuple[Finding, ...], Sequence[int]]:
    """Return the findings, and the numbers of the steps that cannot be read."""
    try:
        return find_all(recording), ()
    except RecordingError:
        readable = _Readable(recording)
        found = find_all(readable)
        return found, sorted(recording.numbers[place] for place in readable.lost)


class _Readable:
    """The steps of a recording that can be read: a recording of its own.

    Attributes:
        lost: The places of the others.
    """

    def __init__(self, recording: FileRecording) -> None:
        self._recording = recording
        self.lost = set(recording.damaged)
        self._places = [p for p in range(len(recording)) if p not in self.lost]
        self.environment = recording.environment

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, step: int) -> Trace:
        return self._recording[self._places[step]]

    def __iter__(self) -> Iterator[Trace]:
        for place in self._places:
            try:
                yield self._recording[place]
            except RecordingError:  # its writer has thinned it since
                self.lost.add(place)

    def losses(self) -> list[float | None]:
        losses = self._recording.losses()
        return [losses[place] for place in self._places]


def _describe_nothing(path: Path, recording: FileRecording) -> str:
    dropped = recording.dropped
    if dropped:
        return (
            f"{path} has no steps: {dropped:,} were too large, or the disk too slow. "
            "Record with a smaller `whole`, or fewer operations in a step."
        )
    if recording.ending is Ending.RUNNING:
        return f"{path} has no steps yet: it is still being recorded. Ask again later."
    return (
        f"{path} has no steps: nothing ran in torch while it was made. Record a script "
        "that computes something."
    )


def _notes(recording: FileRecording, lost: Sequence[int]) -> Iterator[str]:
    """Say what was not looked at, and why."""
    if lost:
        verb = "is" if len(lost) == 1 else "are"
        yield (
            f"{count(len(lost), 'step')} cannot be read and {verb} not looked at: "
            f"{listing([f'{number:,}' for number in lost])}."
        )
    if recording.thinned:
        yield (
            f"{count(recording.thinned, 'step')} were thinned to keep to the disk "
            "budget: what shows only there cannot be found."
        )
    if recording.dropped:
        yield (
            f"{count(recording.dropped, 'step')} were not recorded, because they were "
            "too large or the disk too slow: what shows only there cannot be found."
        )
    if recording.ending is Ending.RUNNING:
        yield "It is still being recorded: later steps are not looked at."
    if recording.ending is Ending.KILLED:
        yield "Its process was killed: the last steps may be missing."
