"""The fast way for a call that the step before made too: only its numbers are new.

Before the call it is compared with the recipe of the op that should come now, after
it with that op's results. What does not fit is handed to `ops`, which records anew.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import Any, Final

import torch

from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.kernel import NATIVE
from graphscope.capture.likeness import is_like, version_of
from graphscope.capture.modules import ModuleWatch
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.recipes import (
    ANYTHING,
    Items,
    Number,
    Recipe,
    is_equal,
    is_same_chain,
    same_keys,
)
from graphscope.capture.records import Known, RawEvent, RawValue
from graphscope.capture.tensors import PLAIN_TYPES, flatten_tensors
from graphscope.capture.updates import UpdateWatch
from graphscope.model.graph import EventKind

Seen = list[tuple[torch.Tensor, int | None]]

_PLAIN: Final = frozenset(PLAIN_TYPES)
_SEQUENCES: Final = frozenset({tuple, list, torch.Size})


class OpFollower:
    """Recognises calls and writes their numbers into the records of the last step."""

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        nodes: NodeWatch,
        modules: ModuleWatch,
        updates: UpdateWatch,
    ) -> None:
        self._table = table
        self._journal = journal
        self._nodes = nodes
        self._modules = modules
        self._updates = updates
        self._accept_all = self._find_accept_all()

    def expected(self, func: Any) -> RawEvent | None:
        """Return the event that should come now, if it calls `func`; never fails."""
        journal = self._journal
        try:
            if journal.is_partial:
                return None  # this call may yet belong to it
            event = journal.replay.expected or journal.upcoming(EventKind.OP)
            if event is None or event.kind is not EventKind.OP or event.op is None:
                return None
            recipe = event.op.recipe
            if recipe is None or (recipe.func is not func and recipe.func != func):
                return None
        except Exception as fault:  # noqa: BLE001 - the observer rule
            journal.count_fault(fault)
            return None
        return event

    def begin(
        self,
        event: RawEvent,
        frame: FrameType | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Seen | None:
        """Compare a call with its recipe before it runs; None when it differs.

        Returns its tensors with their versions.
        """
        op = event.op
        recipe = op.recipe if op is not None else None
        if op is None or recipe is None:
            return None
        if (
            recipe.has_gradient is not torch.is_grad_enabled()
            or recipe.depth != self._updates.depth
            or op.scope != self._modules.scope
            or len(recipe.args) != len(args)
            or not is_same_chain(frame, recipe.chain)
            or not same_keys(recipe.keywords, kwargs)
        ):
            return None
        if not self._journal.enter(event):
            return None
        seen: Seen = []
        if not self._accept_all(recipe.args, args, seen):
            return None
        for name, spec in recipe.keywords:
            if not self._accept(spec, kwargs[name], seen):
                return None
        return seen

    def _find_accept_all(self) -> Callable[[Sequence[Any], Sequence[Any], Seen], bool]:
        table = self._table
        if NATIVE is None:
            return self._plain_accept_all
        return partial(
            NATIVE.accept_all,
            table,
            table.known,
            table.is_same,
            table.accept_anew,
            self._accept,
        )

    def _plain_accept_all(
        self, specs: Sequence[Any], given: Sequence[Any], seen: Seen
    ) -> bool:
        """Whether each argument is what its spec says; adds the tensors to `seen`."""
        return len(specs) == len(given) and all(
            self._accept(spec, argument, seen)
            for spec, argument in zip(specs, given, strict=True)
        )

    def _accept(  # noqa: C901 - hot: a call less
        self, spec: Any, argument: Any, seen: Seen
    ) -> bool:
        kind = type(argument)
        if kind in _PLAIN:
            if type(spec) is not RawValue or not self._table.accept(spec, argument):
                return False
            seen.append((argument, version_of(argument)))
            return True
        if type(spec) is Items:
            if kind is not spec.kind or len(argument) != len(spec.items):
                return False
            pairs = zip(spec.items, argument, strict=True)
            return all(self._accept(inner, item, seen) for inner, item in pairs)
        if type(spec) is Number:
            if kind is not spec.kind:
                return False
            if spec.fixed is not None and spec.fixed != argument:
                return False
            table = self._table
            spec.value.seen = table.readings.put_number(argument)
            spec.value.step = table.step
            return True
        if spec is ANYTHING and kind in _SEQUENCES:
            return False
        return is_equal(spec, argument)

    def finish(self, event: RawEvent, seen: Seen, result: Any) -> bool:
        """Compare what a call returned with the record, and write it down."""
        op = event.op
        recipe = op.recipe if op is not None else None
        if op is None or recipe is None:
            return False
        outputs = _outputs(recipe, seen, result)
        if outputs is None or len(outputs) != len(op.outputs):
            return False
        if recipe.writes and self._table.aliases.relatives(
            [t for (t, _), is_it in zip(seen, recipe.changed, strict=True) if is_it],
            self._table.step,
        ):
            return False
        for tensor, value in zip(outputs, op.outputs, strict=True):
            if type(tensor) not in _PLAIN or not is_like(value, tensor):
                return False
        wants_nodes = op.nodes or any(
            t.requires_grad and not t.is_leaf for t in outputs
        )
        if wants_nodes and not self._nodes.follow(outputs, op.nodes):
            return False
        for tensor, value in zip(outputs, op.outputs, strict=True):
            self._bind(tensor, value)
        self._journal.advance(event)
        self._journal.tell(event)
        return True

    def _bind(self, tensor: torch.Tensor, value: RawValue) -> None:
        """Let a result be what it was in the step before, with its new numbers."""
        table = self._table
        value.seen = table.readings.read(tensor)
        value.step = table.step
        if value.has_hook:
            value.has_hook = False
        old = table.entry(tensor) if value.previous is not None else None
        if old is not None:
            old.value, old.version = value, version_of(tensor)
            value.known = old
            return
        if value.requires_grad and value.is_leaf:
            table.bind(tensor, value)
            return
        known = value.known
        if (
            known is None
            or known.hook is not None
            or known.reference is None
            or known.reference() is not None
        ):
            known = value.known = Known(value, None, None)
        known.reference = weakref.ref(tensor)
        known.value, known.version = value, version_of(tensor)
        table.known[id(tensor)] = known
        table.aliases.waiting.append(id(tensor))


def _outputs(recipe: Recipe, seen: Seen, result: Any) -> list[torch.Tensor] | None:
    """Return what a call changed and made; None when it is not what the recipe says."""
    results = (
        [result]
        if type(result) in _PLAIN
        else [tensor for _, tensor in flatten_tensors(result)]
    )
    outputs = changed_and_made(recipe.changed, recipe.made, seen, results)
    if outputs is None or True not in recipe.silent:
        return outputs
    flags = zip(seen, recipe.silent, strict=True)
    silent = [tensor for (tensor, _), is_changed in flags if is_changed]
    place = len(outputs) - recipe.made
    return [*outputs[:place], *silent, *outputs[place:]]


def plain_changed_and_made(
    changed: Sequence[bool], made: int, seen: Seen, results: Sequence[torch.Tensor]
) -> list[torch.Tensor] | None:
    """Return the tensors that a call changed, and those that it made.

    Args:
        changed: Which of the tensors that it was given it should have changed.
        made: How many it should have made.
        seen: The tensors that it was given, with their versions before.
        results: The tensors that it returned.

    Returns:
        None when it did something else.
    """
    outputs: list[torch.Tensor] = []
    for (tensor, version), is_changed in zip(seen, changed, strict=True):
        now = None if version is None else tensor._version
        if (now != version) is not is_changed:
            return None
        if is_changed and not any(t is tensor for t in outputs):
            outputs.append(tensor)
    fresh = [t for t in results if not any(t is given for given, _ in seen)]
    return [*outputs, *fresh] if len(fresh) == made else None


changed_and_made: Final[Callable[..., list[torch.Tensor] | None]] = (
    plain_changed_and_made if NATIVE is None else NATIVE.changed_and_made
)
