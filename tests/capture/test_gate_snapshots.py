"""A step is shown as far as it got, while training is held in the middle of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from torch import nn

import graphscope
from graphscope.capture.arrivals import LiveArrival
from graphscope.capture.recorder import Recorder
from graphscope.capture.replay import Replay
from graphscope.model.graph import EventKind, Role
from graphscope.model.trace import Status, Trace
from tests.capture.holding import TestGate, record
from tests.capture.test_gate_harmless import RUNS
from tests.capture.test_replay import _facts

# torch gives this one itself, when torch.func.jvp is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

STEADY = [
    *("by_hand", "a_branch", "views_are_renewed", "plain_tensors_share_memory"),
    *("convolutions_with_batch_norm", "gradients_accumulate_over_passes"),
    *("a_function_of_the_users", "hooks_that_come_and_go", "gradients_on_request"),
    *("a_backward_inside_of_a_backward", "lbfgs_with_a_closure"),
]


def snapshots_of(run: Callable[[], Any]) -> dict[tuple[int, int, bool], Trace]:
    """Return what is shown at each event: the step with so many events."""
    found: dict[tuple[int, int, bool], Trace] = {}
    is_before = [False]

    def note(arrival: LiveArrival) -> bool:
        is_before[0] = arrival.is_before
        return True

    def look(recorder: Recorder) -> None:
        trace = recorder.snapshot()
        found[trace.step, len(trace.graph.events), is_before[0]] = trace

    torch.manual_seed(3)
    record(run, TestGate(note, look))
    return found


def _without_knowledge(trace: Trace) -> tuple[Any, ...]:
    """Return what a step that repeats another cannot know better than a new one.

    That is all but names that come late, which line is the loss, and which pass the
    events between two passes belong to.
    """
    graph = trace.graph
    events = [(e.kind, e.op, e.grad_node, e.values, e.slots) for e in graph.events]
    values = [
        (v.kind, v.op, v.shape, v.previous, v.grad_node, v.version, v.owner)
        for v in graph.values
    ]
    ops = [(op.name, op.outputs, op.grad_nodes, op.cut) for op in graph.ops]
    slots = [(s.event, s.role, s.value, s.position, s.label) for s in graph.slots]
    return trace.step, events, values, ops, slots, graph.grad_nodes, _facts(trace)[4]


@pytest.mark.parametrize("name", STEADY)
def test_a_repeated_step_is_shown_as_a_new_one_would_be(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Replay.start
    found = []
    for begin in (start, lambda _self, _script: None):  # from one line: the same sites
        monkeypatch.setattr(Replay, "start", begin)
        found.append(snapshots_of(RUNS[name]))
    fast, slow = found
    shared = fast.keys() & slow.keys()
    assert len(shared) > len(fast) // 2
    for key in sorted(shared):
        one, other = _without_knowledge(fast[key]), _without_knowledge(slow[key])
        for fact, same in zip(one, other, strict=True):
            assert fact == same, key


def a_line() -> None:
    w = torch.tensor([2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    for _ in range(4):
        z = w * 3
        loss = (z - 1).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_the_numbers_are_those_of_this_step() -> None:
    # w is 2, 0.5, -1, -2.5: it loses 0.5 * 3 in each step
    found = snapshots_of(a_line)
    shown = [
        float(seen.scalar or 0)
        for step in range(4)
        for trace in [found[step, 3 if step == 0 else 2, False]]
        for seen in [trace.value_of(trace.resolve("z").id)]
        if seen is not None and not isinstance(seen.scalar, complex)
    ]
    assert shown == [6.0, 1.5, -3.0, -7.5]


def test_before_a_node_its_event_is_the_last_and_has_what_reached_it() -> None:
    found = snapshots_of(a_line)
    for (_, count, is_before), trace in found.items():
        if not is_before:
            continue
        last = trace.graph.events[-1]
        roles = [trace.graph.slots[s].role for s in range(*last.slots)]
        assert last.kind is EventKind.GRAD
        assert last.index == count - 1
        assert Role.GRAD_OUTPUT in roles
        assert Role.EDGE not in roles
        assert trace.status is Status.OPEN
    assert sum(is_before for *_, is_before in found) == 3 * 4


def test_parameters_have_their_names_before_anything_used_them() -> None:
    model = nn.Sequential(nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    names: list[list[str]] = []

    def look(recorder: Recorder) -> None:
        names.append(sorted(recorder.snapshot().graph.names))

    def run() -> None:
        optimizer.zero_grad()
        model(torch.ones(2))

    gate = TestGate(lambda arrival: arrival.op == "linear", look)
    record(run, gate, model)
    assert names == [["0.bias", "0.weight"]]


def seat_of_ours() -> Any:
    """Return a gate whose code counts as graphscope's own, and no user's frame."""
    path = Path(graphscope.__file__).parent / "seat.py"
    space: dict[str, Any] = {}
    exec(compile(_SEAT, str(path), "exec"), space)  # noqa: S102
    return space["Seat"]()


_SEAT: Final = """
class Seat:
    is_armed = True
    names = ()

    def reached(self, arrival):
        return arrival.op == "sum"

    def left(self, scope):
        return False

    def hold(self, recorder):
        self.names = sorted(recorder.snapshot().graph.names)
"""
_TYPED: Final = """
x = torch.ones(2)
y = x * 2
z = y
y = x + 1
y.sum()
y = x
"""


def run_typed() -> None:
    """Run code that has no source, as an interactive session does."""
    space: dict[str, Any] = {"torch": torch, "__name__": "__main__"}
    exec(compile(_TYPED, "<nowhere>", "exec"), space)  # noqa: S102


def test_global_variables_name_values_where_there_is_no_source() -> None:
    gate = seat_of_ours()
    record(run_typed, gate)
    assert gate.names == ["x", "y", "z"]


def test_a_snapshot_leaves_no_name_behind() -> None:
    found = []
    for gate in (None, seat_of_ours()):
        traces, _ = record(run_typed, gate)
        found.append([_facts(trace) for trace in traces])
    assert found[0] == found[1]


def test_the_place_can_be_read_from_anywhere() -> None:
    places: list[tuple[int, int]] = []
    record(a_line, TestGate(then=lambda recorder: places.append(recorder.place())))
    assert places[:3] == [(0, 1), (0, 2), (0, 3)]
    assert places[-1][0] == 3
