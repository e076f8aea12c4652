"""Who holds tensors of earlier steps: looked for from the user's variables on.

Done a few times in a recording at most, when graphs of several steps are alive. It
goes from variable to object to object, breadth first, so that the shortest way is
found, and from the innermost function outwards: around the user's own may be those of
a test runner or a notebook, which lead to all sorts of things. What it keeps while it
looks it lets go when it returns.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import thread_time
from types import FrameType, TracebackType
from typing import Any, Final

import torch

from graphscope.capture.contents import Opener, contents_of, name_of
from graphscope.capture.frames import FrameWalker
from graphscope.capture.namespaces import (
    Namespace,
    namespaces_of,
    user_frames,
    user_modules,
)
from graphscope.capture.paths import name_path
from graphscope.model.kept import Holder

_MOST_OPENED: Final = 20_000
_MOST_SEEN: Final = 400_000
_LONGEST_S: Final = 0.2  # of this thread's own time: not what others take
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
    modules = dict(user_modules())
    names = {n for f in frames if type(n := f.f_globals.get("__name__")) is str}
    search = _Search({id(t): t for t in tensors}, Opener(walker, names | set(modules)))
    for spaces in (*namespaces_of(frames), tuple(modules.values())):
        for space in spaces:
            search.enter(space)
        search.run()
        if search.is_over:
            break
    return search.results()


class _Search:
    """One search; it holds what it has met, so that ids stay those of one object."""

    def __init__(self, wanted: Mapping[int, torch.Tensor], opener: Opener) -> None:
        self._wanted = wanted
        self._opener = opener
        self._waiting: deque[_Stop] = deque()
        self._met: dict[int, Any] = {}
        self._hits: list[tuple[_Stop, list[int]]] = []
        self._opened = self._seen = 0
        self._until = thread_time() + _LONGEST_S

    @property
    def is_over(self) -> bool:
        """Whether all tensors were found, or it has taken long enough."""
        found = {one for _, hits in self._hits for one in hits}
        return len(found) == len(self._wanted) or self._is_long()

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
        while self._waiting:
            self._open(self._waiting.popleft())
            self._opened += 1
            if self._opened % _LOOKS == 0 and self._is_long():
                return

    def _is_long(self) -> bool:
        is_far = self._opened >= _MOST_OPENED or self._seen >= _MOST_SEEN
        return is_far or thread_time() > self._until

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
        merged: dict[Holder, set[int]] = {}
        for stop, hits in self._hits:
            merged.setdefault(self._name(stop, hits), set()).update(hits)
        found = [
            Found(replace(holder, count=len(hits)), frozenset(hits))
            for holder, hits in merged.items()
        ]
        return sorted(found, key=lambda one: -len(one.tensors))

    def _name(self, stop: _Stop, hits: Sequence[int]) -> Holder:
        way = stop.objects()
        if id(stop.found) not in self._wanted:
            way.append(self._wanted[hits[0]])
        several = len(set(hits)) > 1
        name, rest = name_path(stop.variable, way, holds_many=several)
        kinds = [name_of(type(one)) for one in rest[:-1]]
        is_raised = any(type(one) is TracebackType for one in way)
        via = "traceback" if is_raised else next(iter(kinds[1:]), "")
        return Holder(
            name=name,
            container=next(iter(kinds), ""),
            function=stop.space.function,
            file=stop.space.file,
            via=via,
        )
