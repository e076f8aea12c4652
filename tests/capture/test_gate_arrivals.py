"""What a debugger is told of an event while it happens is what the recording says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from graphscope.capture.arrivals import LiveArrival
from graphscope.capture.recorder import Recorder
from graphscope.debugger.arrival import Arrival, Aspect
from graphscope.debugger.recorded import RecordedArrival
from graphscope.errors import UnknownNameError
from graphscope.model.graph import EventKind, Phase
from graphscope.model.observation import Observation
from tests.capture.holding import TestGate, record
from tests.capture.test_gate_harmless import RUNS

# torch gives this one itself, when torch.func.jvp is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

LONG = {"a_deep_chain", "lstm_through_time", "mlp_with_adam_and_dropout"}


def facts_of(arrival: Arrival) -> dict[str, Any]:
    """Return all that can be asked of an event, the numbers as text."""
    names = sorted(arrival.known_names())
    return {
        "kind": arrival.kind,
        "is before": arrival.is_before,
        "step": arrival.step,
        "pass": arrival.pass_index,
        "index": arrival.index,
        "phase": arrival.phase,
        "op": arrival.op,
        "node": arrival.node,
        "scope": arrival.scope,
        "names": arrival.names,
        "site": arrival.site,
        "numbers": sorted(map(text_of, arrival.numbers())),
        "own": [text_of(arrival.own(aspect)) for aspect in Aspect],
        "known": names,
        **{
            f"{name}.{aspect}": text_of(arrival.named(name, aspect))
            for name in names
            for aspect in Aspect
        },
        "loss": arrival.loss(),
    }


def text_of(seen: Observation | None) -> str:
    """Return the numbers in full."""
    if seen is None:
        return "None"
    data = None if seen.data is None else (seen.data.shape, seen.data.tobytes())
    return f"{data} {seen.summary}"


@pytest.mark.parametrize("name", sorted(set(RUNS) - LONG))
def test_an_event_is_the_same_live_and_in_the_recording(name: str) -> None:
    arrivals: list[LiveArrival] = []
    differing: list[Any] = []

    def look(recorder: Recorder) -> None:
        live, trace = arrivals[-1], recorder.snapshot()
        if live.index < len(trace.graph.events) - 1:
            return  # what ran inside of a node that is over is recorded after it
        recorded = RecordedArrival(trace, live.index, live.is_before)
        one, other = facts_of(live), facts_of(recorded)
        differing.extend(
            (key, one.get(key, "-"), other.get(key, "-"))
            for key in one.keys() | other.keys()
            if one.get(key, "-") != other.get(key, "-")
        )

    def keep(arrival: LiveArrival) -> bool:
        arrivals.append(arrival)
        return True

    record(RUNS[name], TestGate(keep, look))
    assert differing == []
    assert arrivals


def ask(
    run: Callable[[], Any], at: Callable[[LiveArrival], bool], *models: nn.Module
) -> dict[str, Any]:
    """Return what `answers` says of the first event that `at` picks."""
    found: dict[str, Any] = {}

    def look(arrival: LiveArrival) -> bool:
        if not found and at(arrival):
            found.update(answers(arrival))
        return False

    record(run, TestGate(look), *models)
    return found


def answers(arrival: LiveArrival) -> dict[str, Any]:
    """Return what a condition could be about, as plain numbers."""
    found: dict[str, Any] = {
        "loss": arrival.loss(),
        "known": sorted(arrival.known_names()),
        "missing": list(arrival.without_gradient()),
        "numbers": [plain(seen) for seen in arrival.numbers()],
        "phase": arrival.phase,
    }
    for aspect in Aspect:
        found[f"own {aspect}"] = plain(arrival.own(aspect))
        for name in arrival.known_names():
            found[f"{name} {aspect}"] = plain(arrival.named(name, aspect))
    return found


def plain(seen: Observation | None) -> Any:
    """Return the numbers as a list."""
    return seen.data.tolist() if seen is not None and seen.data is not None else None


def a_line() -> None:
    w = torch.tensor([2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    for _ in range(3):
        z = w * 3
        loss = (z - 1).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_before_a_node_there_is_what_reached_it_and_nothing_more() -> None:
    found = ask(a_line, lambda a: a.is_before and a.op == "mul")
    assert found["own grad"] == [1.0]
    assert found["own value"] == [6.0]
    assert found["z grad"] == found["z arrived"] == [1.0]
    assert found["w grad"] is None
    assert found["numbers"] == [[1.0]]
    assert found["loss"] == 5.0
    assert found["phase"] is Phase.BACKWARD


def test_after_a_node_there_is_what_it_sent() -> None:
    found = ask(a_line, lambda a: a.op == "mul" and a.node != "" and not a.is_before)
    assert found["numbers"][0] == [1.0]
    assert [3.0] in found["numbers"]


def test_an_update_knows_the_new_numbers_and_the_gradient() -> None:
    # w = 2 - 0.5 * 3
    found = ask(a_line, lambda a: a.kind is EventKind.UPDATE)
    assert found["w value"] == found["own value"] == [0.5]
    assert found["w grad"] == [3.0]
    assert found["missing"] == []


def test_in_the_next_step_nothing_is_known_of_the_last() -> None:
    found = ask(a_line, lambda a: a.step == 1 and a.op == "mul" and not a.node)
    assert found["known"] == ["w", "z"]
    assert found["z value"] == [1.5]
    assert found["w grad"] is None
    assert found["loss"] is None


def test_a_repeated_step_knows_its_loss_before_backward() -> None:
    phases: list[tuple[int, Phase]] = []

    def look(arrival: LiveArrival) -> bool:
        if arrival.op == "sum" and not arrival.node:
            phases.append((arrival.step, arrival.phase))
        return False

    record(a_line, TestGate(look))
    # The second step is not the first again: that one has what comes before the loop.
    assert phases == [(0, Phase.FORWARD), (1, Phase.FORWARD), (2, Phase.LOSS)]


def test_an_update_names_the_parameters_without_a_gradient() -> None:
    model = nn.ModuleDict({"used": nn.Linear(1, 1), "unused": nn.Linear(1, 1)})
    optimizer = torch.optim.SGD([*model.parameters(), torch.ones(3).requires_grad_()])

    def run() -> None:
        model["used"](torch.ones(1)).sum().backward()
        optimizer.step()

    found = ask(run, lambda a: a.kind is EventKind.UPDATE, model)
    assert found["missing"] == [
        "unused.weight",
        "unused.bias",
        "a parameter of shape [3]",
    ]


def test_a_name_that_nothing_has_is_answered_with_the_nearest() -> None:
    texts: list[str] = []

    def look(arrival: LiveArrival) -> bool:
        if arrival.kind is EventKind.UPDATE and not texts:
            with pytest.raises(UnknownNameError) as raised:
                arrival.named("los", Aspect.VALUE)
            texts.append(str(raised.value))
        return False

    record(a_line, TestGate(look))
    assert texts == [
        "No value is named 'los' in step 0 so far. Nearest names: loss, z, w."
    ]


def test_a_gate_that_is_armed_late_knows_what_came_before() -> None:
    found: list[Any] = []

    def look(arrival: LiveArrival) -> bool:
        found.append(plain(arrival.named("z", Aspect.VALUE)))
        return False

    gate = TestGate(look, is_armed=False)

    def run() -> None:
        w = torch.ones(1, requires_grad=True)
        z = w * 5
        gate.is_armed = True
        (z * 2).sum()

    record(run, gate)
    assert found == [[5.0], [5.0]]


def test_a_name_that_comes_after_its_value_is_found() -> None:
    found: list[Any] = []

    def look(arrival: LiveArrival) -> bool:
        found.append(sorted(arrival.known_names()))
        return False

    model = nn.Sequential(nn.Linear(1, 1))

    def run() -> None:
        y = model(torch.ones(1))
        y.sum()

    record(run, TestGate(look), model)
    assert found[-2:] == [["0.bias", "0.weight"], ["0.bias", "0.weight", "y"]]
