"""Who holds tensors of earlier steps: looked for from the user's variables on.

Done a few times in a recording at most, when graphs of several steps are alive. It
goes from variable to object to object, breadth first, so that the shortest way is
found; what it keeps while it looks it lets go when it returns.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import FrameType, TracebackType
from typing import Any, Final

import torch

from graphscope.capture.contents import Opener, contents_of
from graphscope.capture.frames import FrameWalker
from graphscope.capture.namespaces import Namespace, namespaces_of, user_frames
from graphscope.capture.paths import name_path
from graphscope.model.kept import Holder

_MOST_OPENED: Final = 20_000
_MOST_SEEN: Final = 400_000
_LONGEST_S: Final = 0.05
_LOOKS: Final = 256  # objects between two looks at the clock
_DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A holder, and the ids of those of the tensors that it holds."""

    holder: Holder
    tensors: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Stop:
    """An object on the way: how it was reached, and how deep it is."""

    found: Any
    before: "_Stop | None"
    variable: str
    space: Namespace
    depth: int = 1

    def objects(self) -> list[Any]:
        """Return the objects from the variable's on up to this one."""
        way: list[Any] = []
        stop: _Stop | None = self
        while stop is not None:
            way.append(stop.found)
            stop = stop.before
        return way[::-1]


def find_holders(
    tensors: Iterable[torch.Tensor], walker: FrameWalker, frame: FrameType
) -> list[Found]:
    """Return who holds some tensors, the ones that hold most of them first.

    Args:
        tensors: What is looked for.
        walker: Knows the user's frames.
        frame: Where the user's code is now: a frame that it has called.
    """
    frames = user_frames(walker, frame)
    modules = {n for f in frames if type(n := f.f_globals.get("__name__")) is str}
    search = _Search({id(t): t for t in tensors}, Opener(walker, modules))
    for space in namespaces_of(frames):
        search.enter(space)
    search.run()
    return search.results()


class _Search:
    """One search; it holds what it has met, so that ids stay those of one object."""

    def __init__(self, wanted: Mapping[int, torch.Tensor], opener: Opener) -> None:
        self._wanted = wanted
        self._opener = opener
        self._waiting: deque[_Stop] = deque()
        self._met: dict[int, Any] = {}
        self._hits: list[tuple[_Stop, list[int]]] = []
        self._seen = 0

    def enter(self, space: Namespace) -> None:
        """Begin at the variables of a namespace too."""
        for name, found in space.variables:
            stop = _Stop(found, None, name, space)
            if id(found) in self._wanted:
                self._hits.append((stop, [id(found)]))
            else:
                self._wait(stop)

    def run(self) -> None:
        """Go on until everything was looked at, or it takes too long."""
        until, opened = perf_counter() + _LONGEST_S, 0
        while self._waiting and opened < _MOST_OPENED and self._seen < _MOST_SEEN:
            self._open(self._waiting.popleft())
            opened += 1
            if opened % _LOOKS == 0 and perf_counter() > until:
                return

    def _open(self, stop: _Stop) -> None:
        contents = contents_of(stop.found)
        self._seen += len(contents)
        hits = [id(one) for one in contents if id(one) in self._wanted]
        if hits:
            self._hits.append((stop, hits))
        if stop.depth < _DEEPEST:
            for one in contents:
                if id(one) not in self._met and self._opener.is_open(one):
                    next_stop = _Stop(
                        one, stop, stop.variable, stop.space, stop.depth + 1
                    )
                    self._wait(next_stop)

    def _wait(self, stop: _Stop) -> None:
        if id(stop.found) not in self._met and self._opener.is_open(stop.found):
            self._met[id(stop.found)] = stop.found
            self._waiting.append(stop)

    def results(self) -> list[Found]:
        """Return the holders that were met, each once."""
        merged: dict[tuple[str, str, str], tuple[Namespace, set[int]]] = {}
        for stop, hits in self._hits:
            name, container = self._name(stop, hits)
            key = name, container, stop.space.function
            merged.setdefault(key, (stop.space, set()))[1].update(hits)
        found = [
            Found(
                Holder(name, container, function, space.file, len(hits)),
                frozenset(hits),
            )
            for (name, container, function), (space, hits) in merged.items()
        ]
        return sorted(found, key=lambda one: -len(one.tensors))

    def _name(self, stop: _Stop, hits: Sequence[int]) -> tuple[str, str]:
        way = stop.objects()
        if id(stop.found) not in self._wanted:
            way.append(self._wanted[hits[0]])
        several = len(set(hits)) > 1
        name, container = name_path(stop.variable, way, holds_many=several)
        if isinstance(container, TracebackType | FrameType):
            return name, "traceback"
        return name, "" if container is None else type(container).__qualname__
