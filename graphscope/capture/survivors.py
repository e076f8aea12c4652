"""Which graphs of earlier steps are still alive, known without keeping them alive.

When a step is over, a mark is put into the metadata of the autograd nodes behind those
of its results that are still alive. The mark dies with the node: a graph whose marks
are gone is gone. What can be alive later hangs on these nodes: a tensor that nobody
holds any more keeps no graph.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from re import compile as compile_pattern
from threading import get_ident
from typing import Any, Final
from weakref import ref

import torch

from graphscope.capture.frames import FrameWalker
from graphscope.capture.holders import Found, find_holders
from graphscope.capture.identity import TensorTable
from graphscope.capture.namespaces import texts_about
from graphscope.capture.records import Known, RawNode, RawValue
from graphscope.capture.replay import Script
from graphscope.model.kept import Hold, KeptGraph
from graphscope.model.site import Site

LOOK_AT: Final = (3, 30, 300)
"""Who holds them is looked for when this many graphs are alive: twice at most."""

_MOST_SEARCHES: Final = 6
_MOST_LINES: Final = 256
_MOST_MARKS: Final = 32  # in one step
_SHOWN_STEPS: Final = 8
_SHOWN_HOLDERS: Final = 4
_SOUGHT: Final = 64  # tensors
_MOST_TEXTS: Final = 8
_WORD: Final = compile_pattern(r"[^\W\d]\w*(?![^\[]*\])")  # not in a place: `['loss']`

Survivor = tuple["ref[torch.Tensor]", int]
"""A result that was alive at the end of its step, and its id in the step's graph."""

Alive = dict[int, dict[int, Survivor]]
"""Step -> serial number of a node that is alive -> its result."""


class Mark:
    """Lies with an autograd node, and takes it off the list when it dies."""

    __slots__ = ("_alive", "_serial", "_step")

    def __init__(self, alive: Alive, step: int, serial: int) -> None:
        self._alive, self._step, self._serial = alive, step, serial

    def __del__(self) -> None:
        """Runs on whatever thread frees the graph; touches nothing of the user's."""
        marks = self._alive.get(self._step)
        if marks is not None:
            marks.pop(self._serial, None)
            if not marks:
                self._alive.pop(self._step, None)


@dataclass(slots=True, eq=False)
class Line:
    """The results of one name and place in the source, over all steps.

    Attributes:
        name: The user's name of them.
        site: Where they are computed.
        alive: Those whose graphs are alive.
        looks: How often their holders were looked for.
        hold: By what they are held, as it was found.
        holders: Who holds them, likewise.
    """

    name: str
    site: Site | None
    alive: Alive = field(default_factory=dict)
    looks: int = 0
    hold: Hold = Hold.UNKNOWN
    holders: Sequence[Found] = ()


class SurvivorWatch:
    """Marks what outlives its step, and tells at the end of each what is alive.

    Attributes:
        kept: The graphs of earlier steps that are alive when a step is closed; empty
            when none is being closed.
    """

    def __init__(
        self,
        table: TensorTable,
        sources: dict[str, str],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self.kept: tuple[KeptGraph, ...] = ()
        self._on_fault = on_fault
        self._table = table
        self._sources = sources
        self._walker = FrameWalker()
        self._key = f"{table.key}_alive"
        self._lines: dict[tuple[str, int], Line] = {}
        self._thread = get_ident()
        self._searches = 0

    def mark(self, nodes: dict[int, RawNode], script: Script | None) -> None:
        """Mark what of the step that has ended is alive; the next one has begun.

        Args:
            nodes: The autograd nodes of the ended step, by their serial numbers.
            script: Its records; None when there was nothing in it.
        """
        self.kept = ()
        try:
            if script is not None:
                self._mark_all(nodes, script)
        except Exception as fault:  # noqa: BLE001 - the observer rule
            self._on_fault(fault)

    def _mark_all(self, nodes: dict[int, RawNode], script: Script) -> None:
        step = self._table.step - 1
        survivors = [
            known
            for known in self._table.known.values()
            if not known.value.is_leaf and known.value.requires_grad
        ]
        if survivors:
            with torch._C.DisableTorchFunction():
                for known in survivors[-_MOST_MARKS:]:
                    self._mark(known, nodes, script, step)

    def _mark(
        self, known: Known, nodes: dict[int, RawNode], script: Script, step: int
    ) -> None:
        reference = known.reference
        tensor = None if reference is None else reference()
        grad_fn: Any = None if tensor is None else tensor.grad_fn
        if grad_fn is None or reference is None:
            return
        metadata = grad_fn.metadata
        serial = metadata.get(self._table.key)
        node = nodes.get(serial)
        if node is None or node.op is None or self._key in metadata:
            return  # of an older step, where it was not alive to us
        line = self._line_of(known.value, node)
        if line is not None:
            place = script.place_of(known.value)
            line.alive.setdefault(step, {})[serial] = reference, place
            metadata[self._key] = Mark(line.alive, step, serial)

    def _line_of(self, value: RawValue, node: RawNode) -> Line | None:
        op = value.op or node.op
        site = value.site if op is None else op.site
        key = value.name or "", id(site)
        line = self._lines.get(key)
        if line is None and len(self._lines) < _MOST_LINES:
            line = self._lines[key] = Line(key[0], site)
        return line

    def look(self) -> None:
        """Find out which graphs of steps before the one that ends now are alive."""
        self.kept = ()
        try:
            self.kept = self._find()
        except Exception as fault:  # noqa: BLE001 - the observer rule
            self._on_fault(fault)

    def _find(self) -> tuple[KeptGraph, ...]:
        lines = [line for line in self._lines.values() if line.alive]
        if not lines:
            return ()
        due = [line for line in lines if self._is_due(line)]
        if due:
            self._search(due)
        found = (_describe(line) for line in lines)
        return tuple(kept for kept in found if kept is not None)

    def _is_due(self, line: Line) -> bool:
        is_settled = line.hold in (Hold.TENSORS, Hold.GRAPH)
        if is_settled or line.looks >= len(LOOK_AT):
            return False
        return len(line.alive) >= LOOK_AT[line.looks]

    def _search(self, due: Sequence[Line]) -> None:
        """Look for who holds the tensors of some lines."""
        for line in due:
            line.looks += 1
        if self._searches >= _MOST_SEARCHES or get_ident() != self._thread:
            return
        self._searches += 1
        sought = {id(line): _tensors_of(line) for line in due}
        found: list[Found] = []
        if any(sought.values()):
            every = [tensor for tensors in sought.values() for tensor in tensors]
            found = find_holders(every, self._walker, sys._getframe())
            self._keep_sources(found)
        for line in due:
            own = {id(tensor) for tensor in sought[id(line)]}
            _settle(line, own, found)

    def _keep_sources(self, found: Sequence[Found]) -> None:
        """Keep the text of modules that may have the line which stores the tensors.

        It need not be in a file that any op was called from.
        """
        words = {word for one in found for word in _WORD.findall(one.holder.name)[-1:]}
        texts = texts_about(words) if words else ()
        for file, text in islice(texts, _MOST_TEXTS):
            self._sources.setdefault(file, text)

    def clear(self) -> None:
        """Forget all of it; marks that outlive this touch nothing any more."""
        self._lines.clear()


def _tensors_of(line: Line) -> list[torch.Tensor]:
    """Return the oldest tensors that are alive, without the one of the last step.

    That one may be held by a variable which the next step sets anew.
    """
    steps = sorted(line.alive)[:-1]
    found: list[torch.Tensor] = []
    for step in steps:
        for reference, _ in list(line.alive.get(step, {}).values()):
            tensor = reference()
            if tensor is not None and len(found) < _SOUGHT:
                found.append(tensor)
    return found


def _settle(line: Line, own: set[int], found: Sequence[Found]) -> None:
    """Note who holds the tensors of a line, of all holders that were found."""
    if not own:
        line.hold = Hold.GRAPH
        return
    mine = [
        replace(one, tensors=one.tensors & own) for one in found if one.tensors & own
    ]
    line.hold = Hold.TENSORS if mine else Hold.OTHER
    line.holders = sorted(mine, key=lambda one: -len(one.tensors))[:_SHOWN_HOLDERS]


def _describe(line: Line) -> KeptGraph | None:
    """Return what is kept of a line; None when it has died meanwhile."""
    alive = line.alive
    try:
        steps = tuple(islice(alive, _SHOWN_STEPS))
        newest = next(reversed(alive), None)
    except RuntimeError:  # another thread has just freed one
        return None
    if newest is None:
        return None
    return KeptGraph(
        name=line.name,
        site=line.site,
        count=len(alive),
        steps=steps,
        values=tuple(_value_of(alive.get(step)) for step in steps),
        newest=newest,
        hold=line.hold,
        holders=tuple(
            replace(one.holder, count=len(one.tensors)) for one in line.holders
        ),
    )


def _value_of(marks: dict[int, Survivor] | None) -> int:
    found = list(marks.values()) if marks else []
    return found[0][1] if found else -1
