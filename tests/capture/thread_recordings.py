"""Recording the threads of a program, and what must be true of each recording."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from graphscope.capture.journal import RECORDED_THREADS
from graphscope.capture.recorder import Recorder
from graphscope.capture.threads import ThreadWatch
from graphscope.model.check import find_violations
from graphscope.model.trace import Trace


class Recording:
    """What a watched thread is recorded by."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.thread = threading.get_ident()
        self.traces: list[Trace] = []
        self.ended = False
        self.error: BaseException | None = None
        self.recorder = Recorder(self.traces.append)
        self.recorder.start()

    def end(self, error: BaseException | None, /) -> None:
        """Stop."""
        self.ended, self.error = True, error
        self.recorder.stop(error)


class Seen:
    """All recordings of a run, checked."""

    def __init__(self) -> None:
        self.main: list[Trace] = []
        self.all: list[Recording] = []

    def begin(self, name: str) -> Recording:
        """Begin one."""
        recording = Recording(name)
        self.all.append(recording)
        return recording

    def named(self, name: str) -> list[Trace]:
        """Return the traces of the only thread of that name."""
        found = [one for one in self.all if one.name == name]
        assert len(found) == 1, [one.name for one in self.all]
        return found[0].traces

    def check(self) -> None:
        """Check that everything has ended and nothing failed."""
        for one in self.all:
            assert one.ended
            assert one.recorder.faults == {}
            for trace in one.traces:
                assert list(find_violations(trace.graph)) == []


@contextmanager
def watched(most: int = 64) -> Iterator[Seen]:
    """Record the threads that start meanwhile, and this one."""
    seen = Seen()
    main = Recorder(seen.main.append)
    watch = ThreadWatch(seen.begin, most=most)
    main.start()
    watch.attach()
    try:
        yield seen
    finally:
        watch.detach()
        main.stop()
    assert main.faults == {}
    seen.check()
    assert RECORDED_THREADS == []
