"""What is told of a tensor that was changed in place before backward needed it."""

import threading
from collections.abc import Callable

import pytest
import torch

import graphscope as gs
from graphscope.analysis.findings import find_in_step
from graphscope.model.finding import Finding
from tests.why.programs import run_case

FILE = "inplace_activation_plus_one.py"


def test_it_names_who_saved_who_changed_both_versions_and_the_one_line_fix() -> None:
    found = run_case("inplace_activation_plus_one").only("inplace-modified")
    assert found.title == "`h` is changed in place before backward needs it"
    assert found.explanation == (
        f"`torch.sigmoid(x @ w)` ({FILE}:7) saved its result `h` for its gradient, in "
        f"version 0. `h += 1` ({FILE}:8) then changed `h` in place. `loss.backward()` "
        f"({FILE}:10) needs the saved numbers for SigmoidBackward0 and found version 1."
    )
    assert found.remedy == "Write `h = h + 1` in place of `h += 1`."
    assert dict(found.numbers) == {"version expected": 0, "version found": 1}
    ((saved, changed, needed),) = found.paths
    assert (saved.text, saved.mark) == ("h = torch.sigmoid(x @ w)", "saves it")
    assert (changed.text, changed.mark) == ("h += 1", "changes it: version 1")
    assert (needed.text, needed.mark) == ("loss.backward()", "needs version 0")
    assert found.unknown == ()


def test_an_update_in_an_earlier_step_is_found_there() -> None:
    found = run_case("inplace_gan").only("inplace-modified")
    assert found.step == 1
    assert found.explanation == (
        "`D(fake)` (inplace_gan.py:13) saved its input `D.2.weight` for its gradient, "
        "in version 1. `opt_d.step()` (inplace_gan.py:17) then changed `D.2.weight` in "
        "place. `g_loss.backward()` (inplace_gan.py:20) needs the saved numbers for "
        "AddmmBackward0 and found version 2."
    )
    assert found.remedy == (
        "Move `opt_d.step()` (line 17) behind `g_loss.backward()` (line 20), or run "
        "the forward pass anew in between."
    )


@pytest.mark.parametrize(
    ("case", "remedy"),
    [
        ("inplace_residual", "Write `out = out + identity` in place of `out +="),
        ("inplace_relu_layer", "Make the layer `2` without inplace=True: `nn.ReLU()`."),
        ("inplace_masked_entries", "put `probs = probs.clone()` before `probs[:, 0]"),
        ("inplace_buffer_in_forward", "Write `self.mean = self.mean.lerp(x.detach()"),
        ("inplace_through_a_view", ", which leaves `features` as it is."),
        ("inplace_states_in_one_tensor", "put `states = states.clone()` before"),
        ("inplace_update_by_hand", "Move `w -= 0.1 * w.grad` (line 11) behind"),
        ("inplace_leaf_update", "inside of `with torch.no_grad():`."),
    ],
)
def test_the_remedy_is_in_the_users_own_code(case: str, remedy: str) -> None:
    assert remedy in run_case(case).only("inplace-modified").remedy


def test_what_shares_memory_with_the_saved_tensor_is_named_too() -> None:
    found = run_case("inplace_through_a_view").only("inplace-modified")
    assert "then changed `first`, which shares memory with `features`, in place." in (
        found.explanation
    )


def explain(train: Callable[[], object]) -> Finding:
    """Return what is found in the only step of a function that raises."""
    tracing = gs.trace()
    with pytest.raises(RuntimeError), tracing:
        train()
    assert tracing.faults == {}
    (found,) = find_in_step(tracing.last.trace)
    return found


def test_every_version_in_between_is_listed() -> None:
    def train() -> None:
        x = torch.zeros(3, requires_grad=True)
        y = x.exp()
        y += 1
        y.mul_(2)
        y.sum().backward()

    found = explain(train)
    assert dict(found.numbers) == {"version expected": 0, "version found": 2}
    assert [step.mark for step in found.paths[0]] == [
        "saves it",
        "changes it: version 1",
        "changes it: version 2",
        "needs version 0",
    ]
    assert "`y += 1`" in found.explanation
    assert "and 1 more change came after" in found.explanation


def test_of_two_changed_inputs_it_is_the_one_that_the_message_speaks_of() -> None:
    def train() -> None:
        a = torch.ones(3, requires_grad=True)
        b = torch.ones(3, requires_grad=True)
        u, v = a.exp() + 0, b * 3
        loss = (u * v).sum()
        v.mul_(2)
        loss.backward()

    found = explain(train)
    assert found.title == "`v` is changed in place before backward needs it"
    assert found.remedy == "Write `v = v.mul(2)` in place of `v.mul_(2)`."


def test_a_large_node_that_left_no_event_is_found_by_the_order_of_the_engine() -> None:
    def train() -> None:
        w = torch.zeros(300, 300, requires_grad=True)
        h = torch.sigmoid(w @ w)
        h.add_(1)
        h.sum().backward()

    found = explain(train)
    assert found.remedy == "Write `h = h.add(1)` in place of `h.add_(1)`."
    assert found.nodes != ()


def test_one_of_several_views_is_not_to_be_changed() -> None:
    def train() -> None:
        x = torch.ones(2, 3, requires_grad=True)
        first, _second = (x * 1).unbind(0)
        first += 1

    found = explain(train)
    assert found.title == "`first` is one of several views, and is changed in place"
    assert found.remedy == "Write `first = first + 1` in place of `first += 1`."


def test_entries_of_a_leaf_are_set_without_gradients_or_in_a_copy() -> None:
    def train() -> None:
        w = torch.ones(3, requires_grad=True)
        w[0] = 2.0

    assert explain(train).remedy == (
        "Where it sets the numbers to begin with, put `w[0] = 2.0` inside of `with "
        "torch.no_grad():`; where it is part of the forward pass, change `w.clone()`."
    )


def test_a_change_that_nothing_recorded_is_said_to_be_unknown() -> None:
    def train() -> None:
        w = torch.zeros(3, requires_grad=True)
        h = torch.exp(w)
        elsewhere = threading.Thread(target=lambda: h.detach().add_(1))
        elsewhere.start()
        elsewhere.join()
        h.sum().backward()

    found = explain(train)
    assert found.title == "A tensor is changed in place before backward needs it"
    assert "It was saved in version 0 and is in version 1" in found.explanation
    (unknown,) = found.unknown
    assert unknown == (
        "Cannot tell which line changed it because the recording shows no in-place "
        "change of a tensor that fits: it may have happened inside of a call."
    )


def test_a_change_without_a_counterpart_or_inside_of_a_call_is_written_out() -> None:
    def fill() -> None:
        w = torch.ones(2, 2, requires_grad=True)
        sim = torch.exp(w)
        sim.fill_diagonal_(0)
        sim.sum().backward()

    def nest() -> None:
        w = torch.ones(2, requires_grad=True)
        g = torch.sigmoid(w)
        out = torch.relu(g.sub_(0.5)) + g
        out.sum().backward()

    assert explain(fill).remedy == (
        "Change a copy: put `sim = sim.clone()` before `sim.fill_diagonal_(0)`."
    )
    assert explain(nest).remedy == (
        "Put `g = g.sub(0.5)` in a line before, and write `g` in place of "
        "`g.sub_(0.5)`."
    )
