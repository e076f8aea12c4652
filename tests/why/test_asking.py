"""`why` for any name: the verdict, and which explanation answers."""

from typing import Any

import pytest
import torch
from torch import nn

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.asking import answer, answer_value
from graphscope.errors import UnknownNameError
from graphscope.model.finding import Finding
from tests.why.programs import run_case


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2, 2)
        self.unused = nn.Linear(2, 1)
        self.fc2 = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.fc1(x))
        return torch.sigmoid(self.fc2(h))


@pytest.fixture(scope="module")
def network() -> Any:
    """One step of a network, of which one layer is never used and one is detached."""
    torch.manual_seed(0)
    model = Net()
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([*model.parameters(), w], lr=0.1)
    with gs.trace(model) as t:
        x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        cut = (w * 2).detach()
        y = model(x + cut)
        z = y * 0
        (y.sum() + z.sum()).backward()
        optimizer.step()
    return t


@pytest.fixture(scope="module")
def numbers() -> Any:
    """Gradients that can be told in a glance: 12, 3, 0 and NaN."""
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        flat = torch.tensor([5.0, 6.0], requires_grad=True)
        root = torch.tensor([0.0, 1.0], requires_grad=True)
        z = 3 * y + (flat * 0).sum() + (root.sqrt() * torch.tensor([0.0, 1.0])).sum()
        z.backward()
    return t


def ask(t: Any, name: str, **options: Any) -> Any:
    trace = t.last.trace
    return answer(Facts(trace.graph), trace, name, **options)


USUAL = "`x.grad` is 12 in step 0, and nothing about it is suspicious."
NO_LEAF = (
    "`y` is no leaf, so torch keeps no `.grad` of it; the gradient that arrived at it "
    "in step 0 is 3."
)
INNER = "The gradient of `y` is 3 in step 0, and nothing about it is suspicious."
NAN = "`root.grad` is not finite: it has 1 NaN among its 2 numbers in step 0."
FLAT = "`flat.grad` is 0 in all of its 2 numbers in step 0."
VERDICTS = {
    "x": USUAL,
    "x.grad": USUAL,
    "y": INNER,
    "y.grad": NO_LEAF,
    "flat.grad": FLAT,
    "root": NAN,
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_says_what_the_gradient_is(numbers: Any, name: str) -> None:
    found = numbers.why(name).answer

    assert found.verdict == VERDICTS[name]
    assert found.is_suspicious is (name == "root")
    assert found.is_usual is (name not in {"flat.grad", "root"})
    assert (found.question, found.step) == (name, 0)
    assert found.has_gradient
    assert found.findings


DATA = {
    "x": "No gradient reached `x` in step 0.",
    "x.grad": "`x.grad` is None in step 0.",
    "cut": "No gradient reached `cut` in step 0.",
}
LOST = {
    "w": "`w.grad` is None in step 0.",
    "unused.weight": "`unused.weight.grad` is None in step 0.",
    "unused.weight.grad": "`unused.weight.grad` is None in step 0.",
}


@pytest.mark.parametrize("name", [*DATA, *LOST])
def test_a_gradient_that_is_missing_is_explained(network: Any, name: str) -> None:
    found = network.why(name).answer

    assert found.verdict == {**DATA, **LOST}[name]
    assert found.is_suspicious is (name in LOST)
    assert found.findings[0].kind == "none-grad"
    assert not found.has_gradient


def test_a_name_that_nothing_has_is_an_error_with_the_nearest_names(
    network: Any,
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        ask(network, "fc.weigth.grad")

    assert str(caught.value) == (
        "Nothing is named 'fc.weigth' in step 0. Nearest names: fc2.weight, "
        "fc1.weight, unused.weight."
    )


def test_a_value_without_a_name_can_be_asked_for_by_its_id(network: Any) -> None:
    trace = network.last.trace
    inner = next(op for op in trace.graph.ops if op.name == "linear").outputs[0]

    found = answer_value(Facts(trace.graph), trace, inner)

    assert trace.graph.values[inner].name is None
    assert found.question == "self.fc1(x)"
    assert found.verdict.startswith("The gradient of `self.fc1(x)` is ")


def test_what_was_found_in_the_recording_comes_before_what_is_good_to_know(
    numbers: Any,
) -> None:
    known = Finding("missing-zero-grad", "never zeroed", "It is.", "Zero it.", 0)

    found = ask(numbers, "x", known=[known])

    assert found.findings[0] is known
    assert found.is_suspicious
    assert not ask(numbers, "x").is_suspicious
    assert found.verdict == "`x.grad` is 12 in step 0."
    assert {one.kind for one in found.findings[1:]}.isdisjoint({"missing-zero-grad"})


def test_what_one_step_leaves_out_is_no_fault_where_another_trains_it() -> None:
    first, second = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
    optimizers = [torch.optim.SGD([leaf], lr=0.1) for leaf in (first, second)]
    with gs.trace() as t:
        for step in range(4):
            loss = first.detach() * second if step % 2 else first * second.detach()
            optimizers[step % 2].zero_grad()
            loss.backward()
            optimizers[step % 2].step()

    found = t.steps.why("first", step=3)
    assert found.verdict == "`first.grad` is None in step 3."
    assert [finding.kind for finding in found.findings] == ["none-grad"]
    assert not found.is_suspicious


def test_the_gradient_of_a_leaf_without_a_name_can_be_asked_for_by_its_own() -> None:
    leaves = [torch.tensor([1.0, 2.0], requires_grad=True)]
    with gs.trace() as t:
        (leaves[0] * 3).sum().backward()
        g = leaves[0].grad
        assert g is not None
        doubled = g * 2

    (name,) = (n for n in t.names if n.endswith(".grad") or n == "g")
    assert str(t.why(name)).splitlines()[0]
    assert doubled.tolist() == [6.0, 6.0]


def test_a_recorded_step_answers_and_prints_verdict_and_chain_rule(
    numbers: Any,
) -> None:
    found = numbers.why("x.grad")

    lines = str(found).splitlines()
    assert lines[0] == "`x.grad` is 12 in step 0, and nothing about it is suspicious."
    assert lines[2].startswith("∂z/∂x = ∂y/∂x · ")
    assert (found.verdict, found.is_suspicious) == (lines[0], False)
    assert found.question == "x.grad"
    assert found.findings


def test_a_missing_gradient_prints_its_finding_and_no_chain_rule(network: Any) -> None:
    text = str(network.why("unused.weight"))

    first, _, second, *_ = text.splitlines()
    assert first == "`unused.weight.grad` is None in step 0."
    assert second.startswith("`unused.weight` got no gradient: ")
    assert "∂" not in text


def test_a_gradient_that_is_0_is_explained_before_its_chain_rule(numbers: Any) -> None:
    first, _, second, *others = str(numbers.why("flat")).splitlines()

    assert first == FLAT
    assert second.startswith("The gradient of `flat` is 0")
    assert any(line.startswith("∂z/∂flat = ") for line in others)


def test_a_recording_answers_for_the_step_in_which_something_was_found() -> None:
    x = torch.tensor([1.0, 1.0])
    with gs.trace() as t:
        for step in range(4):
            w = torch.tensor([4.0, 9.0 * (step != 1)], requires_grad=True)
            loss = (w.sqrt() * x).sum()
            loss.backward()
            assert w.grad is not None
            w.data -= 0.1 * w.grad

    assert t.steps.why("w.grad").answer.step == 1
    assert t.steps.why("w.grad", step=3).answer.step == 3
    assert t.steps[2].why("w.grad").answer.step == 2


def test_gradients_near_the_end_of_float16_give_no_warning() -> None:
    with gs.trace() as t:
        w = torch.tensor([200.0, 200.0], dtype=torch.float16, requires_grad=True)
        loss = (w * torch.tensor([300.0, 200.0], dtype=torch.float16)).sum()
        loss.backward()

    # 300² + 200² = 130,000 is more than 65,504, its root 360.5551 is not.
    assert t.why("w").verdict == (
        "`w.grad` is of norm 360.555 in step 0, and nothing about it is suspicious."
    )
    assert str(t.why("w"))


def test_without_a_name_the_whole_model_is_asked_about() -> None:
    step = run_case("none_detach").tracing.last

    answered = step.why()

    assert answered.verdict == "2 of 4 parameters got no gradient in step 2."
    (finding,) = answered.findings
    assert finding.title == (
        "2 of 4 parameters got no gradient: "
        "2 behind `self.encoder(x).detach()` at none_detach.py:14"
    )


def test_a_model_of_which_every_parameter_learns_needs_no_explanation() -> None:
    step = run_case("trap_healthy_validation").tracing.steps[0]

    answered = step.why()

    assert answered.verdict == "Every one of 6 parameters got a gradient in step 0."
    assert answered.findings == ()
