"""What is told of a backward through a graph that an earlier one has freed."""

import pytest
import torch

import graphscope as gs
from graphscope.analysis.findings import find_all, find_in_step
from tests.why.programs import run_case


def test_a_hidden_state_is_named_with_the_step_that_it_comes_from() -> None:
    found = run_case("second_rnn_hidden").only("second-backward")
    assert found.title == "`hidden` carries the graph of an earlier step into this one"
    assert found.explanation == (
        "`hidden` was computed in step 0 by `rnn(x, hidden)` (second_rnn_hidden.py:11),"
        " and `rnn(x, hidden)` (second_rnn_hidden.py:11) used it in step 1. "
        "`loss.backward()` (second_rnn_hidden.py:14) freed that graph at the end of "
        "step 0; in step 1 it came to TanhBackward0 of it a second time."
    )
    assert found.remedy == (
        "Cut it off from the step before: `hidden = hidden.detach()` between the steps."
    )
    ((made, freed, used, again),) = found.paths
    assert (made.mark, freed.mark) == ("in step 0", "frees it in step 0")
    assert (used.mark, again.mark) == ("uses it in step 1", "goes back in step 1")
    assert found.step == 1


def test_both_states_of_an_lstm_are_detached() -> None:
    found = run_case("second_lstm_states").only("second-backward")
    assert found.remedy == (
        "Cut it off from the step before: `h, c = h.detach(), c.detach()` between the "
        "steps."
    )


def test_what_is_computed_once_belongs_into_the_loop() -> None:
    found = run_case("second_penalty_outside_the_loop").only("second-backward")
    assert found.remedy == (
        "Compute `penalty` inside of the loop, anew in each step; or detach it if no "
        "gradient is to flow there."
    )


def test_two_losses_of_one_graph_go_back_as_a_sum() -> None:
    found = run_case("second_two_losses").only("second-backward")
    name = "second_two_losses.py"
    assert found.explanation == (
        f"`loss_a.backward()` ({name}:12) freed what `encoder(x)` ({name}:9) had saved "
        "for its gradient, and `loss_b` was computed from the same `features` as "
        f"`loss_a`. `loss_b.backward()` ({name}:13) came to TanhBackward0 a second "
        "time, where nothing was left to compute with."
    )
    assert found.remedy == (
        "Go back once, from the sum: `(loss_a + loss_b).backward()`; or keep the graph "
        "with `retain_graph=True` in line 12."
    )


def test_one_loss_twice_names_the_first_backward_in_a_function() -> None:
    found = run_case("second_same_loss").only("second-backward")
    assert found.title == "`loss` goes backward twice"
    assert "(second_same_loss.py:7) freed what" in found.explanation
    assert "`retain_graph=True` in line 7" in found.remedy


def test_without_the_earlier_steps_it_is_unknown_who_freed_it() -> None:
    """A recording of which only the last step was kept: the others were thinned."""
    w = torch.ones(3, requires_grad=True)
    tracing = gs.trace()

    def train() -> None:
        optimizer = torch.optim.SGD([w], lr=0.1)
        h = torch.zeros(3)
        for _ in range(3):
            h = torch.tanh(h + w)
            loss = (h * h).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with pytest.raises(RuntimeError, match="a second time"), tracing:
        train()
    last = tracing.last.trace
    (found,) = find_all([last])
    (unknown,) = found.unknown
    assert unknown == (
        "Cannot tell which backward freed it because the step that computed it is not "
        "in the recording, or has no tensor of that name."
    )
    assert found.remedy == (
        "Cut it off from the step before: `h = h.detach()` between the steps."
    )
    assert find_in_step(last) == ()  # its own numbers do not tell


def test_where_a_step_in_between_is_missing_none_before_it_is_taken() -> None:
    w = torch.ones(3, requires_grad=True)
    tracing = gs.trace()

    def train() -> None:
        optimizer = torch.optim.SGD([w], lr=0.1)
        h = torch.zeros(3)
        for step in range(4):
            h = torch.tanh((h.detach() if step < 3 else h) + w)
            loss = (h * h).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with pytest.raises(RuntimeError, match="a second time"), tracing:
        train()
    first, second, third, last = [step.trace for step in tracing.steps]
    (found,) = find_all([first, second, third, last])
    assert "`h` was computed in step 2 by" in found.explanation
    (found,) = find_all([first, second, last])
    assert "`h` was computed in an earlier step" in found.explanation
    assert found.unknown != ()


def test_saved_tensors_that_are_read_by_hand_are_no_second_backward() -> None:
    w = torch.ones(3, requires_grad=True)
    tracing = gs.trace()

    def look() -> None:
        y = w.exp()
        y.sum().backward()
        y.grad_fn._saved_result  # type: ignore[union-attr] # noqa: B018

    with pytest.raises(RuntimeError, match="directly access saved tensors"), tracing:
        look()
    assert tracing.findings == ()


def test_a_second_backward_that_is_handled_is_not_told_of() -> None:
    w = torch.ones(3, requires_grad=True)
    with gs.trace() as t:
        loss = w.exp().sum()
        loss.backward()
        with pytest.raises(RuntimeError):
            loss.backward()
    assert t.findings == ()


def test_samples_for_the_discriminator_are_detached_and_not_made_anew() -> None:
    found = run_case("second_gan_without_detach").only("second-backward")
    assert found.remedy == (
        "If `d_loss.backward()` (line 28) needs no gradient of `gen`, compute its loss "
        "from `gen.detach()`; else keep the graph with `retain_graph=True` in line 28."
    )


def test_the_state_that_a_model_keeps_is_detached_as_the_tuple_that_it_is() -> None:
    found = run_case("second_lstm_keeps_hidden").only("second-backward")
    name = "second_lstm_keeps_hidden.py"
    assert found.explanation == (
        "`hidden[0]` and `hidden[1]` were computed in step 0 by `self.lstm(x, "
        f"self.hidden)` ({name}:18), and `self.lstm(x, self.hidden)` ({name}:18) used "
        f"them in step 1. `loss.backward()` ({name}:32) freed that graph at the end of "
        "step 0; in step 1 it came to its nodes a second time."
    )
    assert found.remedy == (
        "Cut it off from the step before: `self.hidden = tuple(h.detach() for h in "
        "self.hidden)` between the steps."
    )


def test_a_total_that_is_added_to_in_place_is_one_of_numbers() -> None:
    found = run_case("second_total_in_place").only("second-backward")
    assert found.remedy == (
        "Go back from the new one alone, `loss.backward()`, and add up the numbers: "
        "`loss.item()`."
    )
