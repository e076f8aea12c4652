"""Which recorded value a tensor is, without keeping the tensor.

Python ids are reused within microseconds, so an id alone proves nothing:

- a tensor with a `grad_fn` is known by the serial number stored in that node's
  metadata (which lives with the C++ node) and its output number;
- a leaf that requires a gradient carries our hook object, and is recognised by it;
- any other tensor by a weak reference. Parameters get none: a weak reference makes
  `module.to()` fail where it swaps tensors.

A changed version counter means a new version of the value.
"""

import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.nn.parameter import is_lazy

from graphscope.capture.aliases import Aliases
from graphscope.capture.kernel import NATIVE
from graphscope.capture.likeness import is_like, version_of
from graphscope.capture.reader import KIND, STATS, Reading
from graphscope.capture.readings import Readings
from graphscope.capture.records import Known, RawNode, RawOp, RawSlot, RawValue
from graphscope.capture.setters import Setters
from graphscope.capture.tensors import PLAIN_TYPES, class_of, dtype_name, shape_of
from graphscope.model.graph import ValueKind
from graphscope.model.site import Site


class TensorTable:
    """Maps tensors to values; one per recorder.

    Attributes:
        readings: The numbers of the step that is running.
        step: Index of the current step: a leaf is read anew once in each.
        nodes: Serial number -> autograd node of the current step.
        is_doubtful: Whether a fault of ours may have left nodes unseen.
        known: Python id -> what is known of the tensor that had it last.
        entry: Returns what is known of this very tensor object, or None.
        aliases: Finds tensors that share memory.
        stale: Views whose base was changed; autograd renews them at their next use.
        reduced: Python id -> address of parameters whose gradients are exchanged.
        setters: Which lines set `requires_grad` of which tensors.
        change: Changes a record of an earlier event, so that it can be undone.
        is_replaying: Whether the running step is the same as the last one so far.
    """

    def __init__(self, *, key: str, readings: Readings) -> None:
        self.key = key
        self.readings = readings
        self.step = 0
        self.nodes: dict[int, RawNode] = {}
        self.is_doubtful = False
        self.known: dict[int, Known] = {}
        self.entry = self._find_entry()
        self._names: dict[int, tuple[int, str, tuple[str, ...], ValueKind]] = {}
        self.reduced: dict[int, int] = {}
        self.setters = Setters()
        self.aliases = Aliases(self.known)
        self.stale: set[RawValue] = set()
        self.on_unseen: Callable[[torch.Tensor], RawValue]
        self.on_renewed: Callable[[torch.Tensor, RawValue], None]
        self.on_leaf: Callable[[torch.Tensor, Known], None] = lambda _t, _k: None
        self.on_late_hook: Callable[[torch.Tensor, Known], None] = lambda _t, _k: None
        self.change: Callable[[object, str, object], None] = setattr
        self.is_replaying: Callable[[], bool] = lambda: False

    def read(self, tensor: torch.Tensor | None) -> Reading:
        """Read the numbers of `tensor`, under this recorder's limits."""
        return self.readings.read(tensor)

    def name_tensor(
        self, tensor: torch.Tensor, names: Sequence[str], kind: ValueKind
    ) -> None:
        """Give a module's parameter or buffer its dotted names."""
        name, *also = names
        self._names[id(tensor)] = (_address(tensor), name, tuple(also), kind)
        entry = self.entry(tensor)
        if entry is not None:
            self.change(entry.value, "name", name)
            self.change(entry.value, "also", tuple(also))
            self.change(entry.value, "kind", kind)

    def name_of(self, parameter: torch.Tensor) -> str:
        """Return what a parameter is called; of one without a name its shape."""
        name = self.known_name(parameter)
        return name or f"a parameter of shape {list(shape_of(parameter))}"

    def known_name(self, parameter: torch.Tensor) -> str:
        """Return what a parameter is called; empty for one without a name."""
        known, named = self.entry(parameter), self._names.get(id(parameter))
        if known is not None and known.value.name:
            return known.value.name
        if named is not None and named[0] == _address(parameter):
            return named[1]
        return ""

    def note_setter(self, tensor: torch.Tensor, site: Site) -> bool:
        """Note which line set `tensor.requires_grad`; say whether that is news."""
        if not self.setters.note(tensor, _address(tensor), site):
            return False
        known = self.entry(tensor)
        if known is not None and known.value.requires_grad is tensor.requires_grad:
            self.change(known.value, "set_by", site)
        return True

    def set_by(self, tensor: torch.Tensor) -> Site | None:
        """Return the line that made a leaf require a gradient, or not."""
        return self.setters.site_of(tensor, _address(tensor)) if self.setters else None

    def mark_reduced(self, tensor: torch.Tensor) -> None:
        """Note that other processes' gradients are added to this parameter's."""
        self.reduced[id(tensor)] = _address(tensor)

    def is_reduced(self, tensor: torch.Tensor) -> bool:
        """Whether `mark_reduced` was told of this parameter."""
        found = self.reduced.get(id(tensor)) if self.reduced else None
        return found is not None and found == _address(tensor)

    def _find_entry(self) -> Callable[[torch.Tensor], Known | None]:
        if NATIVE is None:
            return self._entry
        return partial(NATIVE.entry, self.known, self.is_same)

    def _entry(self, tensor: torch.Tensor) -> Known | None:
        known = self.known.get(id(tensor))
        if known is None:
            return None
        if known.reference is not None and known.hook is None:
            return known if known.reference() is tensor else None
        return known if self.is_same(known, tensor) else None

    def is_same(self, known: Known, tensor: torch.Tensor) -> bool:
        """Whether a tensor carries the hook that marks it, or is that parameter."""
        if known.hook is not None:
            hooks = tensor._post_accumulate_grad_hooks
            return hooks is not None and hooks.get(known.hook_id) is known.hook
        return (
            isinstance(tensor, torch.nn.Parameter)
            and known.value.shape == shape_of(tensor)
            and known.address == _address(tensor)
        )

    def find(self, tensor: torch.Tensor) -> RawValue | None:
        """Return the value of a tensor as it is now, or None if it is a new one."""
        known = self.entry(tensor)
        if known is not None and known.version == version_of(tensor):
            # A result of a user's own autograd function gets its node afterwards.
            wants = tensor.requires_grad and not tensor.is_leaf
            value = known.value
            if not wants or (value.requires_grad and not value.is_leaf):
                return value
        node = self.node_of(tensor)
        if node is not None:
            return node.outputs.get(tensor.output_nr)
        return None

    def is_read(self, tensor: torch.Tensor) -> bool:
        """Whether something of the running step has read a tensor."""
        known = self.entry(tensor)
        return known is not None and known.value.step == self.step

    def node_of(self, tensor: torch.Tensor) -> RawNode | None:
        """Return the recorded node of `tensor.grad_fn`, if it is of this step."""
        if not tensor.requires_grad or tensor.is_leaf:
            return None
        grad_fn: Any = tensor.grad_fn
        if grad_fn is None:
            return None
        return self.nodes.get(grad_fn.metadata.get(self.key, -1))

    def leaf_node(self, leaf: torch.Tensor) -> RawNode | None:
        """Return the node that adds to the `.grad` of a leaf, if it is known."""
        known = self.entry(leaf)
        return None if known is None else known.value.node

    def resolve(self, tensor: torch.Tensor, site: Site | None) -> RawValue:
        """Return the value that an op was given: known, or first seen here.

        A leaf that was seen in an older step is read anew, as a value of this step.
        """
        value = self.find(tensor)
        if value is not None and value.step == self.step:
            if value in self.stale:
                self.stale.discard(value)
                self.on_renewed(tensor, value)
            return value
        if value is None and self._is_unseen(tensor):
            return self.on_unseen(tensor)
        again = self._again(tensor)
        if again is not None:
            return again
        fresh = self.make_value(tensor, site=site)
        known = self.entry(tensor)
        old = value if value is not None else (known.value if known else None)
        if old is not None:
            self._inherit(fresh, old)
        node = self.node_of(tensor)
        if node is not None and node.op is not None:
            # A result that the op did not return: a base, written through its view.
            fresh.kind, fresh.op = ValueKind.RESULT, node.op
            self.change(node.op, "outputs", [*node.op.outputs, fresh])
        fresh.seen = self.read(tensor)
        self.bind(tensor, fresh)
        return fresh

    def _inherit(self, fresh: RawValue, old: RawValue) -> None:
        """Let the new value of a tensor be called what the old one was."""
        fresh.name, fresh.site, fresh.also = old.name, old.site, old.also
        fresh.owner, fresh.alias_of = old.owner, old.alias_of
        if old.kind in (ValueKind.BUFFER, ValueKind.GRADIENT):
            fresh.kind = old.kind
        if old.step == self.step:
            fresh.previous = old

    def _again(self, tensor: torch.Tensor) -> RawValue | None:
        """Return the record of the step before, while that step is repeated."""
        known = self.entry(tensor) if self.is_replaying() else None
        if known is None:
            return None
        value, before = known.value, known.value.previous
        if before is not None and before.successor is value:
            value = before
        is_other = value.step == self.step or value.op is not None
        return None if is_other or not self.accept(value, tensor) else value

    def note_read(self, known: Known, tensor: torch.Tensor) -> None:
        """Note that `known.seen` is what an optimizer's update left of a leaf."""
        if not known.is_exposed:
            known.read_at = version_of(tensor), self.step
            known.mark = self.readings.sample(tensor)

    def _read_again(self, known: Known | None, tensor: torch.Tensor) -> Reading:
        """Read a leaf for this step; an untouched one was read after its update.

        That is most of the memory of a large model. A write that counts no version is
        excluded as far as it can be: nobody was given the memory, it is nobody else's
        storage, and a sample of the numbers is as it was.
        """
        if known is not None and known.mark and not known.is_exposed:
            seen = known.value.seen
            if (
                seen is not None
                and seen & KIND == STATS
                and known.read_at == (tensor._version, self.step - 1)
                and known.address == tensor.data_ptr()
                and known.mark == self.readings.sample(tensor)
            ):
                return seen
        return self.readings.read(tensor)

    def expose(self, tensor: torch.Tensor) -> None:
        """Note that the memory of `tensor` is in other hands from now on."""
        known = self.entry(tensor)
        if known is not None:
            known.is_exposed = True
            owner = known.value.owner
            if owner is not None and owner.known is not None:
                owner.known.is_exposed = True

    def accept(self, value: RawValue, tensor: torch.Tensor) -> bool:
        """Let `tensor` be `value`, a record of the step before, if it can be.

        Either it was that already in this step, and nothing has changed it, or it is
        used for the first time in this step: then it is read.
        """
        known = self.entry(tensor)
        if known is not None and known.value.step == self.step:
            return known.value is value and known.version == version_of(tensor)
        return self.accept_anew(value, tensor, known)

    def accept_anew(
        self, value: RawValue, tensor: torch.Tensor, known: Known | None
    ) -> bool:
        """Let `tensor`, not seen in this step yet, be `value`, if it can be."""
        if known is None:
            if tensor.requires_grad and not tensor.is_leaf:
                return False
            if isinstance(tensor, torch.nn.Parameter):
                return False
        else:
            found = known.value
            if found is not value and (
                found.name != value.name
                or found.owner is not value.owner
                or found.alias_of is not value.alias_of
            ):
                return False
        if value.op is not None or value.step == self.step:
            return False
        if not is_like(value, tensor):
            return False
        value.seen = self._read_again(known, tensor)
        value.step = self.step
        if known is None:
            self.bind(tensor, value)
        else:
            known.value, known.version = value, version_of(tensor)
            value.known = known
        return True

    def is_entry(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor comes from outside of what autograd and we know of it."""
        is_result = tensor.requires_grad and not tensor.is_leaf
        return not (is_result or is_lazy(tensor) or is_functorch_wrapped_tensor(tensor))

    def _is_unseen(self, tensor: torch.Tensor) -> bool:
        """Whether a result was computed where nothing of it was recorded."""
        return (
            tensor.requires_grad and not tensor.is_leaf and not self._own_node(tensor)
        )

    def make_value(self, tensor: torch.Tensor, *, site: Site | None) -> RawValue:
        """Describe a tensor, without binding it and without reading its numbers."""
        is_leaf = tensor.is_leaf
        wants = tensor.requires_grad
        value = RawValue(
            kind=ValueKind.PARAMETER if is_leaf and wants else ValueKind.INPUT,
            shape=shape_of(tensor),
            dtype=dtype_name(tensor),
            device=str(tensor.device),
            requires_grad=wants,
            is_leaf=is_leaf,
            site=site,
            step=self.step,
            kind_of_number=tensor.dtype,
            place=tensor.device,
            class_name=class_of(tensor),
            set_by=self.set_by(tensor) if is_leaf else None,
        )
        named = self._names.get(id(tensor))
        # 0 was noted of a lazy parameter, which gets its storage at the first call
        if named is not None and named[0] in (0, _address(tensor)):
            _, value.name, value.also, kind = named
            if not wants:
                value.kind = kind
        if wants and is_leaf:
            value.node = RawNode(0, "AccumulateGrad", leaf=value)
        elif wants:
            value.kind = ValueKind.CARRIED
        return value

    def bind(self, tensor: torch.Tensor, value: RawValue) -> Known:
        """Remember that `tensor` now is `value`."""
        known = self.entry(tensor)
        if known is not None:
            known.value, known.version = value, version_of(tensor)
            known.address = _address(tensor)
        else:
            known = Known(value, version_of(tensor), None, _address(tensor))
            self.known[id(tensor)] = known
            self.aliases.waiting.append(id(tensor))
            if not isinstance(tensor, torch.nn.Parameter):
                known.reference = weakref.ref(tensor)
        value.known = known
        if value.requires_grad and value.is_leaf and known.hook is None:
            known.is_exposed = not owns_memory(tensor)
            self.on_leaf(tensor, known)
        if value.requires_grad and not value.is_leaf:
            node = self._own_node(tensor)
            if node is not None:
                value.node, value.output = node, tensor.output_nr
                if node.outputs.get(tensor.output_nr) is not value:
                    outputs = {**node.outputs, tensor.output_nr: value}
                    self.change(node, "outputs", outputs)
        return known

    def _own_node(self, tensor: torch.Tensor) -> RawNode | None:
        """Return the node of a result; of an older step's a stand-in in this one."""
        grad_fn: Any = tensor.grad_fn
        serial = grad_fn.metadata.get(self.key) if grad_fn is not None else None
        if serial is None:
            return None
        return self.stand_in(serial, grad_fn.name())

    def stand_in(self, serial: int, name: str) -> RawNode:
        """Return a node of this step, or one without edges for an older step's."""
        node = self.nodes.get(serial)
        if node is None:
            node = self.nodes[serial] = RawNode(serial, name)
        return node

    def begin_step(self, kept: Iterable[RawValue], slots: Iterable[RawSlot]) -> None:
        """Start a new step, to which the values and slots `kept` belong already.

        Dead tensors are forgotten. A tensor that is alive keeps what was last read of
        it, for the case that it is overwritten before it is read again.
        """
        self.step += 1
        self.nodes = {}
        self.readings.restart()
        for slot in slots:
            slot.seen = self.readings.carry(slot.seen, slot)
        for value in kept:
            self._carry(value)
        dead = []
        for key, known in self.known.items():
            if known.reference is not None and known.reference() is None:
                dead.append(key)
            elif known.value.step != self.step:
                before = known.value.step
                self._carry(known.value)
                known.value.step = before
        for key in dead:
            del self.known[key]
        self.stale.clear()
        self.aliases.restart()

    def _carry(self, value: RawValue) -> None:
        if value.seen is not None:
            value.seen = self.readings.carry(value.seen, value)
        value.step = self.step

    def let_go(self, ops: set[RawOp]) -> None:
        """Cut what was made in older steps off from values that are still known.

        Else one tensor that the user keeps would keep all records of its step. `ops`
        are those that the next step may use again.
        """
        for known in self.known.values():
            value = known.value
            if value.op is None or value.op in ops:
                continue
            value.previous = value.op = None
            if value.kind is ValueKind.RESULT:
                is_carried = value.requires_grad and not value.is_leaf
                value.kind = ValueKind.CARRIED if is_carried else ValueKind.INPUT

    def forget(self, tensors: Iterable[torch.Tensor]) -> None:
        """Take tensors as new when they are seen next: their past is not recorded."""
        for tensor in tensors:
            known = self.entry(tensor)
            if known is not None and known.hook is None:
                del self.known[id(tensor)]

    def all_known(self) -> list[Known]:
        """Return everything that is known, of tensors that are alive."""
        return list(self.known.values())

    def clear(self) -> None:
        """Forget every tensor."""
        self.known.clear()
        self.aliases.restart()
        self.reduced.clear()
        self.setters.clear()
        self._names.clear()
        self.nodes = {}


def owns_memory(tensor: torch.Tensor) -> bool:
    """Whether a tensor is all of its storage, and no other process has that."""
    if type(tensor) not in PLAIN_TYPES or not tensor.is_cpu:
        return False
    try:
        size = tensor.untyped_storage().nbytes()
        return size == tensor.numel() * tensor.element_size() and not tensor.is_shared()
    except RuntimeError:
        return False


def _address(tensor: torch.Tensor) -> int:
    """Return the storage address, 0 for tensors without one.

    Fake and functional tensors warn or raise when they are asked.
    """
    if type(tensor) not in PLAIN_TYPES:
        return 0
    try:
        return tensor.data_ptr()
    except RuntimeError:
        return 0
