"""The torch call that raised the exception which ended the recording.

A call is written down when it has returned. One that raised is kept aside with what it
was given, and becomes the last op of the step if its exception ends the recording: an
exception that the user's code handles is no part of the step. A backward that raised
before any autograd node ran is such a call too; of others the nodes tell that they ran.
A module of torch's may refuse what it is given before it calls anything, in plain
Python: then the call of the module takes the place of an op.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import torch

from graphscope.capture.arguments import describe_arguments
from graphscope.capture.changes import Call
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.gate import RAISED_AT_EASE
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.likeness import version_of
from graphscope.capture.ops import OpWatch
from graphscope.capture.records import RawEvent, RawOp
from graphscope.capture.sites import SiteFinder
from graphscope.capture.tensors import flatten_tensors
from graphscope.capture.verdicts import qualified_name
from graphscope.errors import describe_error
from graphscope.model.graph import EventKind, OpKind, Phase

_MAX_NOTE: Final = 200
_BACKWARD: Final = frozenset({"backward", "grad"})
_MODULES: Final = str(Path(torch.nn.modules.__file__).parent)


class RaisedWatch:
    """Remembers the last call that raised: numbers and names, no tensor of it."""

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        ops: OpWatch,
        gradients: GradientWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self._table = table
        self._journal = journal
        self._ops = ops
        self._gradients = gradients
        self._walker, self._sites = finder
        self._raised: tuple[object, ...] = ()
        self._count = 0  # of the events before: an id may be another exception's later
        self._event: RawEvent | None = None

    def note(
        self,
        error: BaseException,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        """Keep the call aside; the innermost one, when several raise the same."""
        if isinstance(error, RAISED_AT_EASE):
            return  # the call was over, and did not raise it
        name = getattr(func, "__name__", "").strip("_")
        is_backward = name in _BACKWARD and not self._journal.is_in_backward
        raised, count = self._mark(error), len(self._journal.events)
        if (self._raised, self._count) == (raised, count) and not is_backward:
            return
        self._raised, self._count, self._event = raised, count, None
        if name in {"get", "set"} or self._journal.is_in_backward:
            return
        if is_backward and self._gradients.has_run:
            return
        target = qualified_name(func)
        self._event = self._describe(_make_call(func, name, args, kwargs), target)
        if self._event is not None and is_backward:
            self._event.phase = Phase.BACKWARD

    def note_module(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        """Keep the call of a module aside whose own code has raised, if it is torch's.

        Called while the exception is on its way out of the module's forward.
        """
        error = sys.exc_info()[1]
        if error is None or isinstance(error, RAISED_AT_EASE):
            return
        raised, count = self._mark(error), len(self._journal.events)
        is_noted = (self._raised, self._count) == (raised, count)
        if is_noted or self._journal.is_in_backward or not _is_of_torch(error):
            return
        self._raised, self._count = raised, count
        kind = type(module)
        target = f"{kind.__module__}.{kind.__qualname__}"
        with torch._C.DisableTorchFunction():
            call = _make_call(kind, kind.__name__, args, {})
            self._event = self._describe(call, target)

    def _mark(self, error: BaseException) -> tuple[object, ...]:
        return id(error), type(error).__qualname__, self._journal.step

    def _describe(self, call: Call, target: str) -> RawEvent | None:
        if not call.tensors:
            return None
        frame, crossed = self._walker.find_user_frame()
        if not {Owner.INIT, Owner.OPTIMIZER}.isdisjoint(crossed):
            return None
        spot, site = self._sites.find(frame) if frame is not None else (None, None)
        is_direct = all(owner is Owner.WRAPPER for owner in crossed)
        scope = self._ops.functions.scope
        op = RawOp(call.name, target, OpKind.GAP, scope, site=site)
        op.arguments = describe_arguments(
            call, spot=spot if is_direct else None, site=site, table=self._table
        )
        return RawEvent(EventKind.OP, op=op, site=site)

    def peek(self, error: BaseException) -> RawEvent | None:
        """Return the call if it was `error` that it raised; nothing is written down."""
        event = self._event
        if event is None or event.op is None or self._raised != self._mark(error):
            return None
        event.op.note = f"raised {describe_error(error)}"[:_MAX_NOTE]
        events = self._journal.events
        event.pass_index = events[-1].pass_index if events else 0
        return event

    def settle(self, error: BaseException | None, text: str) -> None:
        """Write the call down if it was `error`, which says `text`, that it raised."""
        event, self._event = self._event, None
        if error is None or event is None or event.op is None:
            return
        if self._raised != self._mark(error):
            return
        event.op.note = f"raised {text}"[:_MAX_NOTE]
        self._journal.prepare(event)
        self._journal.add(event)


def _make_call(
    func: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Call:
    tensors = list(flatten_tensors(args))
    for key, item in kwargs.items():
        tensors += [(key + path, t) for path, t in flatten_tensors(item)]
    versions = [version_of(tensor) for _, tensor in tensors]
    return Call(func, name, args, kwargs, tensors, versions)


def _is_of_torch(error: BaseException) -> bool:
    """Whether it was the code of a module of torch's that raised."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_MODULES)
