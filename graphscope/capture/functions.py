"""Functions with a backward of the user's own: `torch.autograd.Function`.

`Cube.apply(x)` is no torch call that a function mode sees. What it computes with is:
so the call is found in the call stack of its first inner op, and what it returned is
found when it is over, by the autograd node that its results have got then.
"""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch
from torch.autograd.function import BackwardCFunction, Function

from graphscope.capture.arguments import Described, describe_arguments
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.likeness import version_of
from graphscope.capture.modules import ModuleWatch
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.records import RawEvent, RawOp, RawValue
from graphscope.capture.sites import SiteFinder, Spot
from graphscope.capture.tensors import flatten_tensors
from graphscope.model.graph import EventKind, OpKind
from graphscope.model.site import Site
from graphscope.model.trace import Status

_APPLY: Final = vars(Function)["apply"].__func__.__code__
_MARK: Final = f"<{Path(__file__).parents[1].name}>"
_MAX_FRAMES: Final = 400
Maker = Callable[[torch.Tensor, RawOp, Site | None, int], RawValue]


class _Mark:
    """Lies among the variables of a running frame: gone when that is over."""

    __slots__ = ("__weakref__",)


@dataclass(slots=True)
class _Given:
    """The arguments of an application, as `describe_arguments` wants them."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: list[tuple[str, torch.Tensor]]
    versions: list[int | None]
    constants: dict[int | str, RawValue] = field(default_factory=dict)
    texts: set[int | str] = field(default_factory=set)
    silent: list[torch.Tensor] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Application:
    """One call of `apply`, from its first inner op on.

    Attributes:
        mark: Weak: dead when the call has returned.
        outside: The scope in which it was called.
        scope: That of its inner ops.
        depth: How many modules were running when it began.
        events: Those of its inner ops.
    """

    name: str
    target: str
    mark: "weakref.ref[_Mark]"
    outside: str
    scope: str
    depth: int
    spot: Spot | None
    site: Site | None
    arguments: list[Described] = field(default_factory=list)
    events: list[RawEvent] = field(default_factory=list)


class FunctionWatch:
    """Makes one op of each application.

    Attributes:
        running: Applications that were not over when they were last looked at.
    """

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        nodes: NodeWatch,
        modules: ModuleWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self.running: list[Application] = []
        self.make: Maker
        self._table = table
        self._journal = journal
        self._nodes = nodes
        self._modules = modules
        self._walker, self._sites = finder
        modules.settle = self.settle

    @property
    def scope(self) -> str:
        """The scope of an op that runs now."""
        if self.running and self._modules.depth <= self.running[-1].depth:
            return self.running[-1].scope
        return self._modules.scope

    def look(self, frame: FrameType | None) -> None:
        """Find the applications that an op about to run is inside of."""
        found: list[FrameType] = []
        for _ in range(_MAX_FRAMES):
            if frame is None:
                break
            if frame.f_code is _APPLY:
                found.append(frame)
            frame = frame.f_back
        for apply in reversed(found):
            variables = apply.f_locals
            if _MARK not in variables:
                self._begin(apply, variables)

    def _begin(self, frame: FrameType, variables: Any) -> None:
        mark = variables[_MARK] = _Mark()
        owner = variables["cls"]
        outside = self.scope
        user, is_direct = self._caller_of(frame)
        spot, site = self._sites.find(user) if user is not None else (None, None)
        name = owner.__name__
        application = Application(
            name,
            f"{owner.__module__}.{owner.__qualname__}",
            weakref.ref(mark),
            outside,
            f"{outside}.{name}" if outside else name,
            self._modules.depth,
            spot if is_direct else None,
            site,
        )
        args, kwargs = variables["args"], variables["kwargs"]
        tensors = [*flatten_tensors(args), *flatten_tensors(list(kwargs.values()))]
        versions = [version_of(tensor) for _, tensor in tensors]
        given = _Given(name, args, kwargs, tensors, versions)
        self._journal.leave()
        application.arguments = describe_arguments(
            given, spot=application.spot, site=site, table=self._table
        )
        self._journal.scopes.setdefault(application.scope, name)
        self.running.append(application)

    def _caller_of(self, frame: FrameType) -> tuple[FrameType | None, bool]:
        """Return the user's frame that called `frame`, and whether itself did so."""
        is_direct = True
        caller = frame.f_back
        while caller is not None:
            owner = self._walker.owner(caller.f_code)
            if owner is Owner.USER:
                return caller, is_direct
            is_direct = is_direct and owner is Owner.HIDDEN
            caller = caller.f_back
        return None, False

    def add(self, event: RawEvent) -> None:
        """Note an inner op: it cuts nothing, its application carries the gradient."""
        if event.op is not None:
            event.op.cut = ""
        for application in self.running:
            application.events.append(event)

    def settle(self) -> None:
        """Write down the applications that are over."""
        while self.running and self.running[-1].mark() is None:
            application = self.running.pop()
            if application.events:
                self._finish(application)

    def drop(self) -> None:
        """Forget what was never finished."""
        self.running.clear()

    def _finish(self, application: Application) -> None:
        inner = {event.op for event in application.events}
        results = self._results(application)
        if not results:
            return  # without gradient: the inner ops are all that there is
        spot, site = application.spot, application.site
        op = RawOp(
            application.name,
            application.target,
            OpKind.COMPUTE,
            application.outside,
            site=site,
        )
        if spot is not None:
            op.statement = (spot.site.file, spot.statement_line, site and site.stack)
        event = RawEvent(EventKind.OP, op=op, site=site, extends_graph=True)
        self._keep_together(application, event)
        self._journal.prepare(event)
        step = self._table.step
        op.arguments = [
            (name, value if value is None or value.step == step else None, text)
            for name, value, text in application.arguments
        ]
        self._nodes.register(list(results.values()), op)
        targets = spot.targets if spot is not None else ()
        for position, tensor in results.items():
            value = self.make(tensor, op, site, position)
            before = value.previous
            while before is not None and before.op in inner:
                before = before.previous
            value.previous = before
            is_named = len(targets) == len(results)
            value.name = targets[position] if is_named else None
            if value.name is None and before is not None:
                value.name = before.name
            op.outputs.append(value)
        event.values = list(op.outputs)
        self._journal.add(event)
        for one in application.events:
            one.pass_index = event.pass_index
        self._journal.tell(event)

    def _keep_together(self, application: Application, event: RawEvent) -> None:
        """Let the inner ops be in the step that the application itself is in."""
        journal = self._journal
        journal.leave()
        cut = journal.tracker.cut_before(event, len(journal.events))
        first = application.events[0]
        if cut is not None and first in journal.events:
            start = journal.events.index(first)
            journal.close_step(Status.COMPLETE, until=min(cut, start))

    def _results(self, application: Application) -> dict[int, torch.Tensor]:
        """Return what the call returned, by position; empty without an own node."""
        found: dict[int, torch.Tensor] = {}
        plain: list[torch.Tensor] = []
        node: Any = None
        for tensor in self._alive(application):
            grad_fn: Any = tensor.grad_fn if tensor.requires_grad else None
            if grad_fn is None:
                plain.append(tensor)
            elif self._is_made_by(grad_fn, application) and node in (None, grad_fn):
                node = grad_fn
                found[tensor.output_nr] = tensor
        if node is None:
            return {}
        missing = [i for i in range(len(node._input_metadata)) if i not in found]
        if len(missing) == len(plain):
            found.update(zip(missing, plain, strict=True))
        return dict(sorted(found.items()))

    def _is_made_by(self, grad_fn: Any, application: Application) -> bool:
        name: str = grad_fn.name()
        return (
            isinstance(grad_fn, BackwardCFunction)
            and name.removesuffix("Backward") == application.name
            and self._table.key not in grad_fn.metadata
        )

    def _alive(self, application: Application) -> list[torch.Tensor]:
        """Return the tensors that inner ops made or changed and that still exist."""
        found: dict[int, torch.Tensor] = {}
        for event in application.events:
            for value in event.values:
                known = value.known
                if known is None or known.value is not value or not known.reference:
                    continue
                tensor = known.reference()
                if tensor is not None:
                    found[id(tensor)] = tensor
        return list(found.values())
