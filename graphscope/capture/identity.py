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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from graphscope.capture.records import RawNode, RawOp, RawValue
from graphscope.capture.tensors import PLAIN_TYPES, dtype_name, observe, shape_of
from graphscope.model.graph import ValueKind
from graphscope.model.site import Site


@dataclass(slots=True, eq=False)
class Known:
    """A tensor that was seen: its current value and how to recognise it."""

    value: RawValue
    version: int | None
    reference: "weakref.ref[torch.Tensor] | None"
    address: int = 0
    hook: object = None
    handles: tuple[Any, ...] = ()


def version_of(tensor: torch.Tensor) -> int | None:
    """Return the version counter; inference tensors have none."""
    if tensor.is_inference():
        return None
    version: int = tensor._version
    return version


class TensorTable:
    """Maps tensors to values; one per recorder.

    Attributes:
        whole: Tensors up to this many elements are kept whole.
        stats: Whether statistics of larger ones are taken.
        step: Index of the current step: a leaf is read anew once in each.
        nodes: Serial number -> autograd node of the current step.
    """

    def __init__(self, *, key: str, whole: int, stats: bool) -> None:
        self.key = key
        self.whole = whole
        self.stats = stats
        self.step = 0
        self.nodes: dict[int, RawNode] = {}
        self._known: dict[int, Known] = {}
        self._names: dict[int, tuple[int, str, ValueKind]] = {}
        self.on_unseen: Callable[[torch.Tensor], RawValue]
        self.on_leaf: Callable[[torch.Tensor, Known], None] = lambda _t, _k: None

    def observe(self, tensor: torch.Tensor | None) -> Any:
        """Read `tensor` under this table's limits."""
        return observe(tensor, whole=self.whole, stats=self.stats)

    def name_tensor(self, tensor: torch.Tensor, name: str, kind: ValueKind) -> None:
        """Give a module's parameter or buffer its dotted name."""
        self._names[id(tensor)] = (_address(tensor), name, kind)
        entry = self.entry(tensor)
        if entry is not None:
            entry.value.name = name
            entry.value.kind = kind

    def entry(self, tensor: torch.Tensor) -> Known | None:
        """Return what is known of this very tensor object, or None."""
        known = self._known.get(id(tensor))
        if known is None or not self._is_same(known, tensor):
            return None
        return known

    def _is_same(self, known: Known, tensor: torch.Tensor) -> bool:
        if known.hook is not None:
            hooks = tensor._post_accumulate_grad_hooks
            return hooks is not None and any(h is known.hook for h in hooks.values())
        if known.reference is not None:
            return known.reference() is tensor
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
            if not wants or known.value.requires_grad:
                return known.value
        node = self.node_of(tensor)
        if node is not None:
            return node.outputs.get(tensor.output_nr)
        return None

    def node_of(self, tensor: torch.Tensor) -> RawNode | None:
        """Return the recorded node of `tensor.grad_fn`, if it is of this step."""
        if not tensor.requires_grad or tensor.is_leaf:
            return None
        grad_fn: Any = tensor.grad_fn
        if grad_fn is None:
            return None
        return self.nodes.get(grad_fn.metadata.get(self.key, -1))

    def resolve(self, tensor: torch.Tensor, site: Site | None) -> RawValue:
        """Return the value that an op was given: known, or first seen here.

        A leaf that was seen in an older step is read anew, as a value of this step.
        """
        value = self.find(tensor)
        if value is not None and value.step == self.step:
            return value
        if value is None and self._is_unseen(tensor):
            return self.on_unseen(tensor)
        fresh = self.make_value(tensor, site=site)
        known = self.entry(tensor)
        old = value if value is not None else (known.value if known else None)
        if old is not None:
            fresh.name, fresh.site = old.name, old.site
            fresh.owner, fresh.alias_of = old.owner, old.alias_of
            if old.kind in (ValueKind.BUFFER, ValueKind.GRADIENT):
                fresh.kind = old.kind
            if old.step == self.step:
                fresh.previous = old
        node = self.node_of(tensor)
        if node is not None and node.op is not None:
            # A result that the op did not return: a base, written through its view.
            fresh.kind, fresh.op = ValueKind.RESULT, node.op
            node.op.outputs.append(fresh)
        fresh.seen = self.observe(tensor)
        self.bind(tensor, fresh)
        return fresh

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
        )
        named = self._names.get(id(tensor))
        # 0 was noted of a lazy parameter, which gets its storage at the first call
        if named is not None and named[0] in (0, _address(tensor)):
            value.name = named[1]
            if not wants:
                value.kind = named[2]
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
            self._known[id(tensor)] = known
            if not isinstance(tensor, torch.nn.Parameter):
                forget = partial(_forget, self._known, id(tensor))
                known.reference = weakref.ref(tensor, forget)
        if value.requires_grad and value.is_leaf and known.hook is None:
            self.on_leaf(tensor, known)
        if value.requires_grad and not value.is_leaf:
            node = self._own_node(tensor)
            if node is not None:
                value.node, value.output = node, tensor.output_nr
                node.outputs[tensor.output_nr] = value
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

    def begin_step(self, kept: set[RawValue], ops: set[RawOp]) -> None:
        """Start a new step, into which the values `kept` and `ops` belong already.

        All values let go of what older steps made: a chain of versions through all
        steps would keep every step alive.
        """
        self.step += 1
        self.nodes = {}
        for value in kept:
            value.step = self.step
        for value in [*kept, *(known.value for known in self._known.values())]:
            if value.previous not in kept:
                value.previous = None
            if value.op is not None and value.op not in ops:
                value.op = None
                if value.kind is ValueKind.RESULT:
                    is_carried = value.requires_grad and not value.is_leaf
                    value.kind = ValueKind.CARRIED if is_carried else ValueKind.INPUT

    def all_known(self) -> list[Known]:
        """Return everything that is known, of tensors that are alive."""
        return list(self._known.values())

    def clear(self) -> None:
        """Forget every tensor."""
        self._known.clear()
        self._names.clear()
        self.nodes = {}


def _forget(
    known: dict[int, Known], key: int, reference: "weakref.ref[torch.Tensor]"
) -> None:
    entry = known.get(key)
    if entry is not None and entry.reference is reference:
        del known[key]


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
