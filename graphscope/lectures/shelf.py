"""All that is known of the examples in a folder: scripts, oracles, readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from graphscope.lectures.catalog import (
    Example,
    Topic,
    demos_folder,
    find_example,
    list_examples,
    read_topics,
)
from graphscope.lectures.comparing import Comparison, compare
from graphscope.lectures.oracles import Oracle, load_oracles
from graphscope.lectures.readings import load_readings
from graphscope.lectures.running import Run


@dataclass(frozen=True)
class Shelf:
    """The examples of a folder, each file read when it is first asked for."""

    folder: Path

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """The topics with their examples, in the order of a course."""
        return read_topics(self.folder)

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """All examples, in order."""
        return list_examples(self.topics)

    @cached_property
    def oracles(self) -> Mapping[str, Oracle]:
        """What lectures and torch say, by the example's id."""
        return load_oracles(self.folder)

    @cached_property
    def readings(self) -> Mapping[str, Mapping[str, str]]:
        """Where each example's results stand in its recording, by id."""
        return {
            name: found
            for topic in self.topics
            for name, found in load_readings(self.folder, topic.name).items()
        }

    def find(self, name: str) -> Example:
        """Return the example that a user means.

        Raises:
            UnknownNameError: There is none; lists the nearest ones.
        """
        return find_example(self.examples, name)

    def compare(self, example: Example, run: Run) -> tuple[Comparison, ...]:
        """Compare a run with its oracle; nothing for an example without one."""
        oracle = self.oracles.get(example.id)
        if oracle is None:
            return ()
        return compare(oracle, run, self.readings.get(example.id, {}))


def open_shelf() -> Shelf:
    """Return the lectures' examples.

    Raises:
        GraphscopeError: The demos are not installed.
    """
    return Shelf(demos_folder())
