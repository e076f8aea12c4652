"""One torch call, seen before and after: what it read, made, changed and cut."""

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, Final

import torch
from torch.autograd.function import BackwardCFunction
from torch.nn.parameter import is_lazy

from graphscope.capture.aliases import overlaps
from graphscope.capture.arguments import describe_arguments
from graphscope.capture.calls import HANDLER
from graphscope.capture.changes import (
    Call,
    Tensors,
    changed_by,
    contains,
    extends_graph,
    may_be_asked,
)
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.functions import FunctionWatch
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.likeness import version_of
from graphscope.capture.modules import ModuleWatch, name_results
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.reader import UNREAD
from graphscope.capture.recipes import learn_recipe
from graphscope.capture.records import RawEvent, RawOp, RawSlot, RawValue
from graphscope.capture.settings import SettingWatch
from graphscope.capture.sites import SiteFinder, Spot
from graphscope.capture.tensors import flatten_tensors
from graphscope.capture.transforms import TransformWatch
from graphscope.capture.updates import UpdateWatch
from graphscope.capture.verdicts import (
    READOUTS,
    aliased_leaf,
    cut_of,
    is_rebinding,
    kind_of,
    qualified_name,
    writes_silently,
)
from graphscope.model.graph import EventKind, OpKind, Phase, Role, ValueKind
from graphscope.model.site import Site

_ZEROING: Final = frozenset({"zero_", "_foreach_zero_"})
_LAZY: Final = "how the parameters of a lazy module were made was not recorded"
_ALIASES: Final = frozenset({"data", "detach"})


class OpWatch:
    """Writes down torch calls.

    Attributes:
        noted: What is told of the tensor that a method was called on, by the names of
            methods that are no ops.
        settings: Is told of a tensor whose `requires_grad` was set.
    """

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        nodes: NodeWatch,
        modules: ModuleWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self.updates: UpdateWatch | None = None
        self._table = table
        self._journal = journal
        self._nodes = nodes
        self._modules = modules
        self._walker, self._sites = finder
        self._targets: dict[Any, str] = {}
        self.functions = FunctionWatch(table, journal, nodes, modules, finder)
        self.functions.make = self.output
        self.transforms = TransformWatch(table, journal, nodes, modules, finder)
        self.transforms.make = self.output
        self.settings = SettingWatch(table, journal, finder)
        self.noted: Mapping[str, Callable[[torch.Tensor], None]] = {
            "register_hook": self._note_hook,
            "register_post_accumulate_grad_hook": self._note_late_hook,
            "requires_grad_": self._note_setting,
        }
        table.on_unseen = self._note_unseen
        table.on_renewed = self._note_renewed

    def begin(
        self,
        func: Any,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType | None,
    ) -> Call:
        """Look at the arguments before the call: in-place changes show by version."""
        tensors = list(flatten_tensors(args))
        for key, item in kwargs.items():
            tensors += [(key + path, t) for path, t in flatten_tensors(item)]
        versions = [version_of(tensor) for _, tensor in tensors]
        if not self._journal.is_in_backward:
            self.functions.look(frame)
        if (
            self.updates is not None
            and self.updates.zeroing.is_zeroing
            and name in _ZEROING
        ):
            self.updates.zeroing.read_due(tensor for _, tensor in tensors)
        else:
            self._read_before(tensors, frame)
        return Call(func, name, args, kwargs, tensors, versions, frame)

    def _read_before(self, tensors: Tensors, frame: FrameType | None) -> None:
        """Read what was not seen in this step before the call can change it.

        Not every change shows in a version counter: batch_norm's running statistics
        are written without one.
        """
        if frame is not None and frame.f_code is HANDLER:
            frame = frame.f_back
        owner = self._walker.owner(frame.f_code) if frame is not None else None
        if owner is Owner.INIT or (self.updates is not None and self.updates.depth):
            return
        for _, tensor in tensors:
            known = self._table.entry(tensor)
            is_seen = (
                known is not None
                and known.value.step == self._table.step
                and known.version == version_of(tensor)
            )
            if not is_seen and self._table.is_entry(tensor):
                self._table.resolve(tensor, None)

    def _note_hook(self, tensor: torch.Tensor) -> None:
        """Note that the user hooked a tensor: its gradient may be changed."""
        known = self._table.entry(tensor)
        if known is not None and not known.value.is_leaf:
            known.value.has_hook = True

    def _note_late_hook(self, leaf: torch.Tensor) -> None:
        """Note that the user's hook may change `.grad` of a leaf."""
        known = self._table.entry(leaf)
        if known is not None and known.hook is not None:
            self._table.on_late_hook(leaf, known)

    def _note_setting(self, tensor: torch.Tensor) -> None:
        """Note that the user's code called `tensor.requires_grad_()`."""
        if self.updates is not None and self.updates.zeroing.is_zeroing:
            return  # an optimizer's gradients, which it is about to zero
        self.settings.note(tensor)
        self.name_unchanged([tensor])

    @property
    def table(self) -> TensorTable:
        """What is known of tensors."""
        return self._table

    def expose(self, args: tuple[Any, ...]) -> None:
        """Note that the user's code gets at the memory of `args[0]`."""
        for _, tensor in flatten_tensors(args[:1]):
            self._table.expose(tensor)

    def note(self, call: Call, result: Any) -> None:
        """Write down a call that has returned `result`."""
        results = [tensor for _, tensor in flatten_tensors(result)]
        changed = [*changed_by(call), *self._changed_silently(call)]
        given = [tensor for _, tensor in call.tensors]
        made = [t for t in results if not contains(given, t)]
        if not made and not changed and call.name not in READOUTS:
            self.name_unchanged(results)
            return
        if any(is_lazy(tensor) for tensor in given):
            return  # a lazy parameter is being made: it has no shape yet
        frame, crossed = self._walker.find_user_frame()
        if Owner.INIT in crossed:
            self._table.forget([*changed, *made])
            if self._modules.is_running:
                self._journal.add_gap(_LAZY)
            return
        if Owner.OPTIMIZER in crossed and self.updates and self.updates.depth:
            return
        if self.transforms.sees([*given, *results]):
            return
        spot, site = self._sites.find(frame) if frame is not None else (None, None)
        if self._note_zeroing(call, changed):
            return
        is_direct = self._is_direct(crossed)
        outputs = [*filter(may_be_asked, changed), *made]
        self._note_op(call, outputs, spot if is_direct else None, site)

    def outputs_of(self, call: Call, result: Any) -> list[torch.Tensor]:
        """Return what a call has changed and made."""
        given = [tensor for _, tensor in call.tensors]
        results = [tensor for _, tensor in flatten_tensors(result)]
        made = [t for t in results if not contains(given, t)]
        return [*changed_by(call), *self._changed_silently(call), *made]

    def _changed_silently(self, call: Call) -> list[torch.Tensor]:
        """Return running statistics that a call wrote without a version counter."""
        if not writes_silently(call.func):
            return []
        found = []
        readings = self._table.readings
        for _, tensor in call.tensors:
            known = self._table.entry(tensor)
            if known is None or tensor.requires_grad or known.value.seen is None:
                continue
            if known.version != version_of(tensor):
                continue
            before, value = known.value.seen, known.value
            if not readings.is_equal(before, readings.read(tensor), value):
                call.silent.append(tensor)
                found.append(tensor)
        return found

    def name_unchanged(self, results: Sequence[torch.Tensor]) -> None:
        """`x = t.contiguous()`, `x = torch.ones(3).requires_grad_()`: name only."""
        if len(results) != 1 or self._table.entry(results[0]) is None:
            return
        frame, crossed = self._walker.find_user_frame()
        if frame is not None and self._is_direct(crossed):
            spot, _ = self._sites.find(frame)
            name_results(self._table, spot.targets, list(results))

    def _is_direct(self, crossed: Sequence[Owner]) -> bool:
        """Whether the user wrote the call, given what lies between them and it."""
        if self._modules.parts:
            return not crossed
        return all(owner is Owner.WRAPPER for owner in crossed)

    def enter(self, name: str) -> None:
        """Show what a function of torch's does from inside, until `leave`."""
        self._modules.enter_part(name)

    def leave(self, result: Any) -> None:
        """End what `enter` began; the function returned `result`."""
        self._modules.leave_part()
        frame, crossed = self._walker.find_user_frame()
        if frame is not None and self._is_direct(crossed):
            spot, _ = self._sites.find(frame)
            found = [tensor for _, tensor in flatten_tensors(result)]
            name_results(self._table, spot.targets, found)

    def _note_zeroing(self, call: Call, changed: Sequence[torch.Tensor]) -> bool:
        """Turn `w.grad.zero_()` into a zero event; False when it is something else."""
        if call.name not in _ZEROING or not changed or self.updates is None:
            return False
        if self.updates.zeroing.is_zeroing and self.updates.zeroing.note_zeroed(
            changed
        ):
            return True
        values = [self._known_value(tensor) for tensor in changed]
        if any(v is None or v.owner is None for v in values):
            return False
        for tensor, value in zip(changed, values, strict=True):
            if value is None or value.owner is None:
                continue
            after = self._table.read(tensor)
            site = self.updates.site()
            self._add_zero(value, after, site)
            fresh = self._table.make_value(tensor, site=site)
            fresh.kind, fresh.name, fresh.owner = value.kind, value.name, value.owner
            fresh.seen = after
            self._table.bind(tensor, fresh)
        return True

    def _add_zero(self, value: RawValue, after: Any, site: Site | None) -> None:
        owner = value.owner
        if owner is None:
            return
        event = RawEvent(EventKind.ZERO, site=site, label="to 0", phase=Phase.ZERO)
        event.values.append(owner)
        before = UNREAD if value.seen is None else value.seen
        for role, seen in ((Role.BEFORE, before), (Role.AFTER, after)):
            slot = RawSlot(role, seen, owner, shape=value.shape, dtype=value.dtype)
            event.slots.append(slot)
        self._journal.prepare(event)
        self._journal.add(event)
        self._journal.tell(event)

    def _known_value(self, tensor: torch.Tensor) -> RawValue | None:
        known = self._table.entry(tensor)
        return known.value if known is not None else None

    def _note_op(
        self,
        call: Call,
        outputs: Sequence[torch.Tensor],
        spot: Spot | None,
        site: Site | None,
    ) -> None:
        """Write down the op; `spot` is None when the user did not write this call."""
        inside = bool(self.functions.running)
        is_grad = call.func is torch.autograd.grad
        op = self.make_op(call, self.functions.scope, site)
        if spot is not None:
            place = (spot.site.file, spot.statement_line)
            op.statement = (*place, site.stack if site else ())
        event = RawEvent(EventKind.OP, op=op, site=site)
        event.extends_graph = extends_graph(outputs) and not is_grad
        self._journal.prepare(event)
        op.arguments = describe_arguments(call, spot=spot, site=site, table=self._table)
        read = [self._known_value(tensor) for _, tensor in call.tensors]
        near, stale = self._relatives(call, outputs)
        self._nodes.register([*outputs, *near], op, is_seen=True)
        for position, tensor in enumerate([*outputs, *near]):
            op.outputs.append(self.output(tensor, op, site, position))
        op.outputs += [self._stale_output(tensor, op, site) for tensor in stale]
        if spot is not None:
            order = [t for t in outputs if not spot.is_operator or t is outputs[0]]
            name_results(self._table, spot.targets, order)
        self._judge(op, call, is_plain=not inside and not is_grad)
        event.values = list(op.outputs)
        depth = self.updates.depth if self.updates is not None else 0
        if depth or is_grad:
            event.phase = Phase.UPDATE if depth else Phase.BACKWARD
        if inside:
            self.functions.add(event)
        else:
            op.recipe = learn_recipe(
                call, read, outputs, depth=depth, walker=self._walker
            )
            if len(op.outputs) != len(outputs) or None in call.versions:
                op.recipe = None
        self._journal.add(event)
        self._journal.tell(event)

    def _judge(self, op: RawOp, call: Call, *, is_plain: bool) -> None:
        """Decide the kind of a finished op, and why it cuts the gradient."""
        op.kind = kind_of(op, call.name)
        if is_plain and is_rebinding(op):
            op.kind = OpKind.UPDATE
        if op.kind is OpKind.UPDATE:
            self._spread_to_leaf(op)
        op.cut = cut_of(op, call.name) if is_plain else ""

    def _relatives(
        self, call: Call, outputs: Sequence[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return what a call changed because it shares memory with what it wrote to.

        The second list has views of such that require a gradient: autograd renews
        their nodes when they are used next, and that must not happen earlier.
        """
        changed = changed_by(call)
        near: list[torch.Tensor] = []
        stale: list[torch.Tensor] = []
        if not changed:
            return near, stale
        for known, tensor in self._table.aliases.relatives(changed, self._table.step):
            if contains(outputs, tensor):
                continue
            if not overlaps(tensor, changed):
                if known.version is not None:
                    known.version = version_of(tensor)
            elif tensor.requires_grad and tensor._is_view():
                stale.append(tensor)
            else:
                near.append(tensor)
        return near, stale

    def _stale_output(
        self, tensor: torch.Tensor, op: RawOp, site: Site | None
    ) -> RawValue:
        """Describe a view of what `op` changed, without asking for its node.

        Not even for `is_leaf`: that asks for the node too.
        """
        known = self._table.known[id(tensor)]
        old = known.value
        value = RawValue(
            ValueKind.RESULT,
            old.shape,
            old.dtype,
            old.device,
            old.name,
            op=op,
            requires_grad=True,
            is_leaf=False,
            previous=old,
            site=site,
            seen=self._table.read(tensor),
            step=self._table.step,
            known=known,
            kind_of_number=old.kind_of_number,
            place=old.place,
        )
        known.value, known.version = value, version_of(tensor)
        self._table.stale.add(value)
        return value

    def _note_renewed(self, tensor: torch.Tensor, value: RawValue) -> None:
        """Add the node that autograd gave a view after its base was changed."""
        op, table = value.op, self._table
        if op is None:
            return
        before, op.nodes = op.nodes, []
        self._nodes.register([tensor], op)
        added, op.nodes = op.nodes, before
        table.change(op, "nodes", [*before, *added])
        node = table.node_of(tensor)
        if node is not None:
            table.change(value, "node", node)
            table.change(value, "output", tensor.output_nr)
            outputs = {**node.outputs, tensor.output_nr: value}
            table.change(node, "outputs", outputs)

    def make_op(self, call: Call, scope: str, site: Site | None) -> RawOp:
        """Return the record of a call, without arguments and results."""
        name = call.name
        if name.startswith("__") and name.endswith("__"):
            name = name[2:-2]
        op = RawOp(name, self._target(call.func), OpKind.COMPUTE, scope, site=site)
        self._modules.note_call(op)
        return op

    def _note_unseen(self, tensor: torch.Tensor) -> RawValue:
        """Write down an op that no torch call showed, known by its autograd node.

        A function of the user's own (`torch.autograd.Function`) is an op like any
        other; of anything else all that can be said is that there is a gap.
        """
        self.functions.settle()
        self.transforms.settle([tensor])
        found = self._table.find(tensor)
        if found is not None:
            return found
        grad_fn: Any = tensor.grad_fn
        name = grad_fn.name()
        op = RawOp(name, name, OpKind.GAP, self._modules.scope)
        if isinstance(grad_fn, BackwardCFunction):
            op.kind, op.name = OpKind.COMPUTE, name.removesuffix("Backward")
        else:
            op.note = (
                f"{name} was made where it could not be seen: before the trace, in "
                "another thread, or in a compiled or scripted function"
            )
            self._journal.add_gap(op.note)
        self._nodes.register([tensor], op)
        value = self.output(tensor, op, None, 0)
        op.outputs.append(value)
        feeding = [v for node in op.nodes for _, _, v in node.edges if v is not None]
        op.arguments = [
            ("", v, v.name or "") for v in dict.fromkeys(feeding) if v.op is not op
        ]
        event = RawEvent(EventKind.OP, op=op, values=[value])
        event.extends_graph = True
        self._journal.add(event)
        self._journal.tell(event)
        return value

    def _target(self, func: Any) -> str:
        name = self._targets.get(func)
        if name is None:
            name = self._targets[func] = qualified_name(func)
        return name

    def output(
        self, tensor: torch.Tensor, op: RawOp, site: Site | None, position: int
    ) -> RawValue:
        """Describe one result and bind it to its tensor."""
        known = self._table.entry(tensor)
        value = self._table.make_value(tensor, site=site)
        if value.kind in (ValueKind.INPUT, ValueKind.CARRIED):
            value.kind = ValueKind.RESULT
        value.op, value.seen = op, self._table.read(tensor)
        value.previous = known.value if known is not None else None
        if value.previous is not None:
            old = value.previous
            value.name = value.name or old.name
            value.owner, value.alias_of = old.owner, old.alias_of
            if old.kind in (ValueKind.GRADIENT, ValueKind.BUFFER):
                value.kind = old.kind
        if op.name in _ALIASES and position == 0:
            value.alias_of = aliased_leaf(op)
        self._table.bind(tensor, value)
        return value

    def _spread_to_leaf(self, op: RawOp) -> None:
        """`w.data -= …` changes `w` without a new version: give `w` one."""
        for output in list(op.outputs):
            leaf = output.alias_of
            if leaf is None or any(other.previous is leaf for other in op.outputs):
                continue
            fresh = RawValue(
                leaf.kind,
                leaf.shape,
                leaf.dtype,
                leaf.device,
                leaf.name,
                op=op,
                requires_grad=leaf.requires_grad,
                previous=leaf,
                node=leaf.node,
                site=leaf.site,
                seen=output.seen,
                step=self._table.step,
                kind_of_number=leaf.kind_of_number,
                place=leaf.place,
            )
            op.outputs.append(fresh)
            known = leaf.known
            if known is not None and known.value is leaf:
                known.value, fresh.known = fresh, known
