"""The updates of a graph: which optimizers ran, what they hold, what got a gradient.

Worked out once for all steps that share a graph. Steps are compared by what parameters
are called, since their ids differ from graph to graph.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.model.graph import Event, EventKind, Graph, Role, ValueKind
from graphscope.model.optimizers import HeldParameter, OptimizerRun
from graphscope.model.site import Site

_RATE: Final = "lr"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf that a gradient was accumulated in.

    Attributes:
        key: The same in all steps, and different from all others of its step.
        label: What it is called.
        is_named: Whether that is a name; else it says what kind of leaf it is.
        value: Id of its first version.
        shape: Sizes of the axes.
        root: Path of the outermost module that has it; None for a plain tensor.
        training: Whether that module was in training mode.
        is_listed: Whether the module tree has a name for it.
        is_made_here: Whether an op of the step made it, so that no other step has it.
        is_read: Whether the user's code reads its `.grad`.
        is_by_hand: Whether the user's code updates it, without an optimizer.
        site: The line of the backward.
    """

    key: str
    label: str
    is_named: bool
    value: int
    shape: tuple[int, ...]
    root: str | None
    training: bool | None
    is_listed: bool
    is_made_here: bool
    is_read: bool
    is_by_hand: bool
    site: Site | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A leaf that an optimizer updated, with the slots that tell how far.

    Attributes:
        label: What it is called.
        value: Id of the version that the update found.
        first: Id of its first version in the step.
        before: Slot of its numbers before the update; None when they are not known.
        after: Slot of its numbers after it.
        summed: Slot of `.grad` after the last backward.
        used: Slot of `.grad` as the update used it, None where that is `summed`.
    """

    label: str
    value: int
    first: int
    before: int | None
    after: int
    summed: int | None
    used: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """One update by an optimizer.

    Attributes:
        key: The same for the same optimizer in all steps, as far as that can be told.
        class_name: Its class.
        event: Index of the update.
        site: The line of the update.
        made_by: The line that made the optimizer, where that was seen.
        held: What it holds.
        keys: What its parameters are called, those without a name not.
        moved: What it updated.
        rates: Slots of its learning rates, one for each group.
        hyper: Slots of its hyper-parameters, by name.
    """

    key: object
    class_name: str
    event: int
    site: Site | None
    made_by: Site | None
    held: tuple[HeldParameter, ...]
    keys: frozenset[str]
    moved: tuple[Moved, ...]
    rates: tuple[int, ...]
    hyper: dict[str, int]

    @property
    def place(self) -> Site | None:
        """The line to change: that which made the optimizer, else its update."""
        return self.made_by or self.site


class Look:
    """The updates of one graph; `number` tells it from all others."""

    def __init__(self, facts: Facts, number: int) -> None:
        self.facts = facts
        self.number = number
        self.graph: Graph = facts.graph

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The optimizers that ran, in order."""
        return tuple(_read_run(self.graph, run) for run in self.graph.optimizers)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """What gradients were accumulated in, in the order of its first use."""
        arrived: dict[int, Event] = {}
        for event in self.graph.events:
            if event.kind is EventKind.ACCUMULATE:
                for value in event.values:
                    arrived.setdefault(first_version(self.graph, value), event)
        found: dict[str, Leaf] = {}
        for value in sorted(arrived):
            leaf = self._read_leaf(value, arrived[value].site, found)
            found[leaf.key] = leaf
        return tuple(found.values())

    @cached_property
    def keys(self) -> dict[int, str]:
        """Id of a leaf's first version -> its key."""
        return {leaf.value: leaf.key for leaf in self.leaves}

    def key_of(self, held: HeldParameter) -> str:
        """Return the key of a held parameter, empty where nothing identifies it.

        That is so of one whose name another tensor of the step has by now.
        """
        if held.value is not None:
            key = self.keys.get(first_version(self.graph, held.value))
            if key is not None:
                return key
        return "" if self._is_double(held) else held.name

    def set_by(self, held: HeldParameter) -> Site | None:
        """Return the line that froze a held parameter, None where it is not known."""
        if held.value is not None and self.graph.values[held.value].set_by is not None:
            return self.graph.values[held.value].set_by
        owned = (p.set_by for p in self.graph.parameters if p.name == held.name)
        return next((site for site in owned if site is not None), None)

    def is_untouched(self, held: HeldParameter) -> bool:
        """Whether nothing but zeroing has touched a held parameter in the step.

        No op reads it, no gradient arrives, and no module of the step owns it.
        """
        if held.name and held.name in self._owned and held.value is None:
            return False
        if held.value is None:
            return True
        first = first_version(self.graph, held.value)
        if first in self.keys or self.graph.consumers.get(first):
            return False
        return not held.name or held.name not in self._owned or self._is_double(held)

    def _is_double(self, held: HeldParameter) -> bool:
        """Whether another tensor of the step has the name and gets the gradient."""
        return any(
            leaf.key == held.name and leaf.value != held.value for leaf in self.leaves
        )

    @cached_property
    def _owned(self) -> frozenset[str]:
        return frozenset(parameter.name for parameter in self.graph.parameters)

    @cached_property
    def _roots(self) -> dict[str, bool | None]:
        """Path of each outermost module -> whether it ran in training mode."""
        found: dict[str, bool | None] = {}
        for call in self.graph.calls:
            if call.parent is None:
                found[call.path] = call.training or found.get(call.path)
        return found

    def _root_of(self, path: str) -> str | None:
        inside = [r for r in self._roots if not r or path.startswith(f"{r}.")]
        return max(inside, key=len, default=None)

    def _read_leaf(self, value: int, site: Site | None, known: dict[str, Leaf]) -> Leaf:
        graph = self.graph
        found = graph.values[value]
        path, is_listed = found.name or "", self._is_listed(found.name)
        if not path and found.op is None:
            path = self._path_inside(value)
        is_inside = is_listed or bool(path and not found.name)
        root = self._root_of(path) if is_inside else None
        is_named = bool(path)
        path = path or f"leaf of shape {list(found.shape)}"
        same = (
            sum(leaf.label == path for leaf in known.values()) if path in known else 0
        )
        key = f"{path} ({same + 1})" if same else path
        return Leaf(
            key=key,
            label=path,
            is_named=is_named,
            value=value,
            shape=found.shape,
            root=root,
            training=None if root is None else self._roots[root],
            is_listed=is_listed,
            is_made_here=found.op is not None,
            is_read=value in self._with_read_gradient,
            is_by_hand=value in self._moved_by_hand,
            site=site,
        )

    def _is_listed(self, name: str | None) -> bool:
        """Whether a module of the step owns a parameter of that name.

        The first model is called by its variable only from when there is a second one.
        """
        names = () if not name else (name, name.partition(".")[2])
        return any(one in self._owned for one in names if one)

    def _path_inside(self, value: int) -> str:
        """Return the path of a parameter without a name, in the module that reads it.

        It has none where its module is no attribute of the one that calls it.
        """
        shape = self.graph.values[value].shape
        for reader in self.graph.consumers.get(value, ()):
            scope = self.graph.ops[reader].scope
            for parameter in self.graph.parameters:
                is_of_scope = parameter.name.rpartition(".")[0] == scope
                if scope and is_of_scope and parameter.shape == shape:
                    return parameter.name
        return ""

    @cached_property
    def _with_read_gradient(self) -> frozenset[int]:
        """Leaves whose `.grad` an op reads, other than to clip it."""
        return frozenset(
            value.owner
            for value in self.graph.values
            if value.owner is not None and self._is_used(value.id)
        )

    def _is_used(self, gradient: int) -> bool:
        readers = self.graph.consumers.get(gradient, ())
        sites = (self.graph.ops[reader].site for reader in readers)
        return any(site is None or "clip" not in site.expression for site in sites)

    @cached_property
    def _moved_by_hand(self) -> frozenset[int]:
        """Leaves of which an op makes another version, as an update by hand does."""
        return frozenset(
            first_version(self.graph, value.id)
            for value in self.graph.values
            if value.kind is ValueKind.PARAMETER
            and value.op is not None
            and value.previous is not None
        )


def first_version(graph: Graph, value: int) -> int:
    """Return the first version of a value that in-place changes made others of."""
    previous = graph.values[value].previous
    while previous is not None:
        value = previous
        previous = graph.values[value].previous
    return value


def _read_run(graph: Graph, run: OptimizerRun) -> Run:
    event = graph.events[run.event]
    names = frozenset(held.name for held in run.parameters if held.name)
    hyper = dict(_hyper_slots(graph, event))
    return Run(
        key=(run.class_name, run.made_by, next((h.name for h in run.parameters), "")),
        class_name=run.class_name,
        event=run.event,
        site=event.site,
        made_by=run.made_by,
        held=run.parameters,
        keys=names,
        moved=tuple(_moved(graph, run, event)),
        rates=tuple(s for n, s in hyper.items() if n.partition("[")[0] == _RATE),
        hyper=hyper,
    )


def _hyper_slots(graph: Graph, event: Event) -> Iterator[tuple[str, int]]:
    for index in range(*event.slots):
        if graph.slots[index].role is Role.HYPER:
            yield graph.slots[index].label, index


def _moved(graph: Graph, run: OptimizerRun, event: Event) -> Iterator[Moved]:
    after: dict[int, int] = {}
    used: dict[int, int] = {}
    for index in range(*event.slots):
        slot = graph.slots[index]
        if slot.value is not None and slot.role is Role.UPDATED:
            after[slot.value] = index
        elif slot.value is not None and slot.role is Role.USED:
            used[slot.value] = index
    for held in run.parameters:
        if held.value is None or held.value not in after:
            continue
        first = first_version(graph, held.value)
        yield Moved(
            label=held.name or f"a parameter of shape {list(held.shape)}",
            value=held.value,
            first=first,
            before=_before(graph, _found_by_update(graph, held.value), event.index),
            after=after[held.value],
            summed=_last_sum(graph, first, event.index),
            used=used.get(held.value),
        )


def _found_by_update(graph: Graph, value: int) -> int:
    """Return the version that an update found, of the last one before it ended.

    An optimizer that calls a closure again and again, as LBFGS does, moves the
    parameters in between: versions that no op made, nor an update before.
    """
    found = graph.values[value]
    while found.op is None and found.previous is not None:
        slots = graph.value_slots.get(found.previous, ())
        if any(graph.slots[s].role is Role.UPDATED for s in slots):
            break
        found = graph.values[found.previous]
    return found.id


def _before(graph: Graph, value: int, event: int) -> int | None:
    """Return the slot of a leaf's numbers as the update found them."""
    found = None
    for index in graph.value_slots.get(value, ()):
        slot = graph.slots[index]
        if slot.event < event and slot.role in (Role.VALUE, Role.UPDATED):
            found = index
    return found


def _last_sum(graph: Graph, value: int, event: int) -> int | None:
    """Return the slot of `.grad` after the last accumulation before an update."""
    found = None
    for index in graph.value_slots.get(value, ()):
        slot = graph.slots[index]
        is_sum = graph.events[slot.event].kind is EventKind.ACCUMULATE
        if slot.role is Role.AFTER and is_sum and slot.event < event:
            found = index
    return found
