"""The demos compute the lectures' numbers, and are plain PyTorch."""

import ast
import json
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from graphscope.cli.catalog import demos_folder, read_demos

DEMOS = read_demos(demos_folder())
ORACLES: dict[str, dict[str, Any]] = {
    name: oracle["torch"]
    for name, oracle in json.loads(
        Path(__file__).with_name("oracles.json").read_text("utf-8")
    ).items()
}


@dataclass(frozen=True)
class Backward:
    """What the script's variables were just after one `backward()`."""

    values: dict[str, Any]
    grads: dict[str, Any]


def tensors(namespace: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {k: v for k, v in namespace.items() if isinstance(v, torch.Tensor)}


def run_demo(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, float], list[Backward]]:
    """Run a demo; return its last values and its variables after each backward."""
    seen: list[Backward] = []
    backward: Any = torch.Tensor.backward

    def spy(self: torch.Tensor) -> None:
        backward(self)
        found = tensors(sys._getframe(1).f_globals)
        leaves = {k: v for k, v in found.items() if v.is_leaf and v.grad is not None}
        seen.append(
            Backward(
                values={k: number(v) for k, v in found.items()},
                grads={k: number(v.grad) for k, v in leaves.items()},
            )
        )

    monkeypatch.setattr(torch.Tensor, "backward", spy)
    namespace = runpy.run_path(str(demos_folder() / f"{name}.py"))
    return {k: number(v) for k, v in tensors(namespace).items()}, seen


def number(tensor: torch.Tensor | None) -> Any:
    assert tensor is not None
    return tensor.item() if tensor.numel() == 1 else tensor.tolist()


def test_the_quadratic_has_the_lectures_gradient(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = ORACLES["d4-autograd-z14"]

    last, [backward] = run_demo("quadratic", monkeypatch)

    assert last == {"x": 2.0, "y": expected["y"], "z": expected["z"]}
    assert backward.grads == {"x": expected["dz_dx"]}
    assert capsys.readouterr().out == (
        "z = 14.0\nGradient of z with respect to x: tensor(12.)\n"
    )


def test_linear_regression_first_takes_the_lectures_single_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = ORACLES["d4-five-steps"]

    _, backwards = run_demo("linear_regression", monkeypatch)

    assert len(backwards) == 101
    assert backwards[0].values == pytest.approx(
        {
            "x": 6.7,
            "y": 9.1,
            "w": -0.34,
            "b": 0.04,
            "y_hat": expected["y_hat"],
            "loss": expected["loss"],
        }
    )
    assert backwards[0].grads == pytest.approx(
        {"w": expected["dL_dw"], "b": expected["dL_db"]}
    )
    # w = −0.34 + 0.01 · 151.929 and b = 0.04 + 0.01 · 22.676
    assert capsys.readouterr().out.splitlines() == [
        "after one house: w = 1.179292, b = 0.266760",
        "after 100 epochs: w = 1.249295, b = 0.2672306",
    ]


def test_linear_regression_then_trains_on_the_four_houses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = ORACLES["d4-house-train"]

    last, [_, first, second, *rest] = run_demo("linear_regression", monkeypatch)

    assert first.values["loss"] == pytest.approx(expected["loss_0"])
    assert [first.grads["w"], first.grads["b"]] == pytest.approx(expected["grad_0"])
    assert [second.values["w"], second.values["b"]] == pytest.approx(
        expected["params_1"]
    )
    assert second.values["loss"] == pytest.approx(expected["loss_1"])
    assert rest[-1].values["loss"] == pytest.approx(expected["loss_99"])
    assert last["w"] == pytest.approx(expected["w_100"])
    assert last["b"] == pytest.approx(expected["b_100"])


def test_the_logistic_demo_starts_with_the_lectures_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = ORACLES["35-logistic-grad"]

    _, backwards = run_demo("logistic_chain_rule", monkeypatch)

    assert len(backwards) == 100
    assert backwards[0].values == pytest.approx(
        {
            "x_1": 3.7,
            "y": 1.0,
            "w_1": 0.5,
            "b": 0.05,
            "u": expected["u"],
            "z": expected["z"],
            "a": expected["a"],
            "l": expected["l"],
        }
    )
    assert backwards[0].grads == pytest.approx(
        {"w_1": expected["dL_dw"], "b": expected["dL_db"]}
    )
    assert [backwards[0].grads["w_1"]] == pytest.approx(
        ORACLES["35-backward"]["w_grad"]
    )


def test_the_accumulating_demo_adds_three_to_each_gradient_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, backwards = run_demo("accumulate", monkeypatch)

    grads = [backward.grads["weights"] for backward in backwards]
    assert grads == ORACLES["41-accumulate"]["grads"]


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_demo_imports_nothing_but_torch(demo: Any) -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(demo.path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert imported <= {"torch", "torch.nn.functional"}


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_demo_says_its_title_and_what_to_look_at(demo: Any) -> None:
    assert demo.title.endswith(".")
    assert "\n" not in demo.title
    assert demo.look_at.startswith("What to look at: ")
