"""One recording in progress: puts the watchers together and takes them away again."""

import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock, get_ident
from typing import Any, Final

import torch

from graphscope.capture import scripted
from graphscope.capture.compiled import CompiledWatch
from graphscope.capture.following import OpFollower
from graphscope.capture.frames import FrameWalker
from graphscope.capture.gate import Gate, Gatekeeper, StopTraining
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.identity import TensorTable
from graphscope.capture.inside import InsideWatch
from graphscope.capture.journal import RECORDED_THREADS, Journal
from graphscope.capture.leaves import LeafWatch
from graphscope.capture.mode import CaptureMode
from graphscope.capture.modules import ModuleWatch
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.notices import NoticeBoard
from graphscope.capture.opaque import OpaqueWatch
from graphscope.capture.ops import OpWatch
from graphscope.capture.partial import freeze_partial
from graphscope.capture.raised import RaisedWatch
from graphscope.capture.readings import Readings
from graphscope.capture.scout import ScoutMode
from graphscope.capture.sites import SiteFinder
from graphscope.capture.sourceless import GlobalNames
from graphscope.capture.stack import remove_modes
from graphscope.capture.tracebacks import strip_frames
from graphscope.capture.updates import UpdateWatch
from graphscope.errors import CaptureError, describe_error
from graphscope.model.observation import WHOLE_ELEMENTS
from graphscope.model.trace import Status, Trace

_KEYS: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What is read of each tensor.

    Attributes:
        whole: Tensors up to this many elements are kept whole.
        stats: Whether statistics of larger ones are taken.
        local: Whether small autograd nodes are asked for their local derivatives.
    """

    whole: int = WHOLE_ELEMENTS
    stats: bool = True
    local: bool = True


class Recorder:
    """Captures from `start` to `stop`, on the thread that starts it.

    Each finished step goes to `deliver`, on the training thread.
    """

    def __init__(
        self,
        deliver: Callable[[Trace], None],
        *,
        models: tuple[torch.nn.Module, ...] = (),
        options: CaptureOptions | None = None,
        gate: Gate | None = None,
    ) -> None:
        chosen = options or CaptureOptions()
        walker = FrameWalker()
        sites = SiteFinder(walker)
        finder = (walker, sites)
        self._sources = sites.sources
        readings = Readings(whole=chosen.whole, stats=chosen.stats)
        self.notices = NoticeBoard(readings)
        self._table = TensorTable(
            key=f"graphscope{next(_KEYS)}",
            readings=readings,
        )
        self._keeper = Gatekeeper(gate)
        self._journal = Journal(self._table, self._deliver, sites.sources, self._keeper)
        self._keeper.watch(self, self._journal, self._table)
        self._journal.on_event = self.notices.announce
        self._journal.listening = self.notices.subscriptions
        self._send = deliver
        self._nodes = NodeWatch(self._table, local=chosen.local)
        self._gradients = GradientWatch(self._table, self._journal, self._nodes)
        self._leaves = LeafWatch(self._table, self._journal, self._gradients)
        self._modules = ModuleWatch(self._table, self._journal, finder)
        self._updates = UpdateWatch(self._table, self._journal, self._gradients, finder)
        self._ops = OpWatch(
            self._table, self._journal, self._nodes, self._modules, finder
        )
        self._ops.updates = self._updates
        self._names = GlobalNames(self._table, finder)
        follower = OpFollower(
            self._table, self._journal, self._nodes, self._modules, self._updates
        )
        inside = InsideWatch(
            self._table, self._journal, self._nodes, self._modules, self._ops, finder
        )
        self._raised = RaisedWatch(
            self._table, self._journal, self._ops, self._gradients, finder
        )
        self._modules.on_raise = self._raised.note_module
        self._mode = CaptureMode(
            self._journal,
            self._nodes,
            self._ops,
            self._gradients,
            self._updates,
            self._names,
            follower,
            walker,
            inside,
            self._raised,
        )
        opaque = OpaqueWatch(
            self._journal, self._ops, self._nodes, self._modules, finder
        )
        self._compiled = CompiledWatch(
            self._journal, opaque, _is_ours, self._mode.guarded
        )
        self._models = models
        self._is_started = False
        self._drafted = (-1, -1)

    @property
    def thread(self) -> int:
        """Number of the thread that is recorded."""
        return self._journal.thread

    @property
    def faults(self) -> dict[str, int]:
        """Errors of graphscope's own that were kept away from the user's code."""
        return {**self._journal.faults, **self._keeper.faults}

    def place(self) -> tuple[int, int]:
        """Return the running step and how many events it has; from any thread."""
        return self._journal.step, len(self._journal.events)

    def start(self) -> None:
        """Enter the mode and register every hook.

        Raises:
            CaptureError: It was started before.
        """
        if self._is_started:
            raise CaptureError(
                "A trace can be entered only once: make a new one with gs.trace()."
            )
        self._is_started = True
        _RUNNING.append(self)
        with torch._C.DisableTorchFunction():
            for model in self._models:
                prefix = "" if len(self._models) == 1 else type(model).__name__
                self._modules.add_root(model, prefix)
        RECORDED_THREADS.append(self._journal.thread)
        self._modules.attach(_is_ours)
        self._updates.attach()
        self._compiled.attach()
        scripted.attach(self._compiled)
        self._mode.__enter__()

    def stop(self, error: BaseException | None = None, *, note: str = "") -> None:
        """Leave the mode, remove every hook, deliver what is left.

        With `error` the last step is marked as aborted by it, and our own frames are
        taken out of its traceback. A `note` says why the training ended in the middle
        of a step that is otherwise in order; a `StopTraining` is told of by its own.
        """
        self.abandon()
        if isinstance(error, StopTraining):
            strip_frames(error)
            note, error = note or error.note, None
        remove_modes(lambda mode: mode is self._mode)
        if self in _RUNNING:
            _RUNNING.remove(self)
        with self._journal.lock, torch._C.DisableTorchFunction():
            try:
                self._ops.functions.settle()
                self._ops.functions.drop()
                self._ops.transforms.settle()
                self._names.apply()
                text = "" if error is None else describe_error(error)
                self._raised.settle(error, text)
                self._journal.finish(text or note, is_aborted=error is not None)
            except Exception as fault:  # noqa: BLE001 - the observer rule
                self._journal.count_fault(fault)
                sys.stderr.write(
                    f"graphscope: the last step could not be recorded: {fault!r}. "
                    "Please report it.\n"
                )
            self._journal.clear()
            self._table.clear()
            self._modules.clear()
        self._mode.calls.clear()
        self._models = ()
        if error is not None:
            strip_frames(error)

    def abandon(self) -> None:
        """Stop recording without touching torch's mode stack (also after a fork)."""
        if self._mode.is_live and self._journal.thread in RECORDED_THREADS:
            RECORDED_THREADS.remove(self._journal.thread)
        self._mode.is_live = False
        self._keeper.close()
        self._nodes.detach()
        self._gradients.detach()
        self._leaves.detach()
        self._modules.detach()
        self._updates.detach()
        self._compiled.detach()
        scripted.detach(self._compiled)

    def renew_lock(self) -> None:
        """Replace a lock that another thread may have held when the process forked."""
        self._journal.lock = RLock()

    def snapshot(self, error: BaseException | None = None) -> Trace:
        """Return the step that is running, as far as it got.

        On a thread that the gate holds before an autograd node, that node's event is
        the last; only what reached it is known. With `error`, which the user's code
        handles, it is as if that had ended the step: the call that raised it is the
        last. Changes nothing that is recorded.
        """
        with self._journal.lock, torch._C.DisableTorchFunction():
            ahead = self._keeper.ahead.get(get_ident())
            trace = freeze_partial(
                self._journal,
                self._table,
                self._sources,
                ahead=ahead if error is None else self._raised.peek(error),
                names=dict(reversed(list(self._names.find()))),
            )
        if error is None:
            return trace
        return replace(trace, status=Status.ABORTED, error=describe_error(error))

    def draft(self) -> Trace | None:
        """Return the step that is running if its update is over and it is news.

        For the writer's thread: a process that is killed while it sleeps, or
        evaluates, keeps the step that it had finished. Never waits for training.
        """
        journal = self._journal
        if not self._mode.is_live or not journal.lock.acquire(blocking=False):
            return None
        try:
            place = self.place()
            if not journal.has_update or place == self._drafted:
                return None
            self._drafted = place
            return journal.freeze()
        except Exception as fault:  # noqa: BLE001 - the observer rule
            journal.count_fault(fault)
            return None
        finally:
            journal.lock.release()

    @property
    def is_in_backward(self) -> bool:
        """Whether a backward runs that the user's code called."""
        return self._journal.is_in_backward

    def hold_soon(self) -> None:
        """Let the gate hold the recorded thread where nothing of ours holds a lock."""
        self._keeper.hold_soon()

    def hold_now(self) -> None:
        """Let the gate hold this thread if that is due; called in the user's code."""
        if self._keeper.pending:
            self._keeper.release()

    def begin_step(self) -> None:
        """Start a step by hand: it ends at `end_step`, whatever happens inside.

        What was only prepared before it (data, parameters) belongs to it.
        """
        with self._journal.lock:
            if self._journal.has_computed():
                self._journal.close_step(Status.COMPLETE)
            self._journal.tracker.automatic = False

    def end_step(self) -> None:
        """End the step that `begin_step` began."""
        with self._journal.lock:
            self._journal.tracker.automatic = True
            self._journal.close_step(Status.COMPLETE)

    def name_tensor(self, tensor: Any, name: str) -> None:
        """Give the value that `tensor` is now a name of the user's choice."""
        with self._journal.lock, torch._C.DisableTorchFunction():
            value = self._table.resolve(tensor, self._updates.site())
            self._table.change(value, "name", name)

    def _deliver(self, trace: Trace) -> None:
        self._send(trace)
        self.notices.announce_step(trace)


def _is_ours(mode: object) -> bool:
    return isinstance(mode, CaptureMode | ScoutMode)


_RUNNING: Final[list[Recorder]] = []


def running_recorder() -> Recorder | None:
    """Return the innermost recorder of this thread, else that of this process."""
    here = get_ident()
    own = [one for one in _RUNNING if one.thread == here]
    return next(reversed(own or _RUNNING), None)


def _drop_after_fork() -> None:
    """A forked child records nothing: it would write into its parent's file."""
    for recorder in _RUNNING:
        recorder.abandon()
        recorder.renew_lock()
    _RUNNING.clear()


os.register_at_fork(after_in_child=_drop_after_fork)
