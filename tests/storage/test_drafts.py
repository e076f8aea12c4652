"""A step that is still running: written as a draft, and replaced as it goes on."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from graphscope.model.graph import Role
from graphscope.model.trace import Status
from graphscope.storage.create import create_file
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.sink import Sink
from tests.drafts import cut_short
from tests.samples import logistic_trace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gscope"


@pytest.fixture
def sink(path: Path) -> Iterator[Sink]:
    create_file(path, {})
    made = Sink(path)
    yield made
    made.finish(error="", dropped=0)


def write_draft(sink: Sink, events: int) -> None:
    """Write the first events of a step as a debugger does that pauses it there."""
    sink.write(cut_short(logistic_trace(0), events), is_draft=True)
    sink.commit()


def _begun(sink: Sink, path: Path) -> FileRecording:
    write_draft(sink, 1)
    return open_recording(path)


def test_a_draft_that_has_grown_is_read_again(sink: Sink, path: Path) -> None:
    counts = []
    with closing(_begun(sink, path)) as recording:
        for events in (2, 3, 3):
            write_draft(sink, events)
            counts.append((recording.refresh(), len(recording[0].graph.events)))
        status = recording[0].status

    assert counts == [(True, 2), (True, 3), (False, 3)]
    assert status is Status.OPEN


def test_the_series_of_a_value_takes_the_place_of_what_the_draft_knew(
    sink: Sink, path: Path
) -> None:
    with closing(_begun(sink, path)) as recording:
        assert recording.series("z", Role.VALUE) == [None]
        write_draft(sink, 2)
        recording.refresh()

        # z = 3.7 · 0.5 + 0.05 = 1.9
        assert recording.series("z", Role.VALUE) == [pytest.approx(1.9)]
