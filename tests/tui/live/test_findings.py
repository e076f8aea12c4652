"""The list of findings and the why while training runs, and after it has raised."""

from contextlib import suppress
from dataclasses import replace

import torch

import graphscope as gs
from graphscope.model.trace import Trace
from tests.tui.live.driving import inspects, live, shows
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import pane_lines


def changed_in_place(step: int) -> Trace:
    """Return a step whose backward raised, because of an op far in front of it."""
    with suppress(RuntimeError), gs.trace() as t:
        w = torch.tensor([0.5, 2.0], requires_grad=True)
        h = torch.sigmoid(w)
        h.mul_(3)
        loss = h.sum()
        loss.backward()  # type: ignore[no-untyped-call]
    return replace(t.last.trace, step=step)


async def test_the_list_goes_on_with_the_training(training: FakeTraining) -> None:
    training.run_to(3)
    async with live(training) as (_, pilot):
        await shows(pilot, "step 2/2")
        await pilot.press("F")
        await shows(pilot, "Nothing suspicious was found in 3 steps so far.")

        training.run_to(6)
        await shows(pilot, "Nothing suspicious was found in 6 steps so far.")


async def test_a_gradient_that_is_still_to_come_is_not_called_missing(
    training: FakeTraining,
) -> None:
    training.pause(1, 7)  # the gradient has come to z
    async with live(training) as (app, pilot):
        await inspects(app, pilot, "z")
        for key, answer in (("up", "b"), ("up", "u")):
            await pilot.press(key, "w")
            await shows(pilot, f"there is a way from the loss to `{answer}`.")
            await pilot.press("escape")
        await pilot.press("F")
        await shows(pilot, "Nothing suspicious was found in 2 steps so far.")


async def test_after_an_exception_the_op_to_blame_is_shown_and_listed(
    training: FakeTraining,
) -> None:
    training.run_to(2)
    async with live(training) as (app, pilot):
        await shows(pilot, "▶ running")
        training.end("RuntimeError: modified", last=changed_in_place(2))
        await inspects(app, pilot, "h")

        assert pane_lines(app, "inspector")[0].startswith("h = h.mul_(3)")
        await pilot.press("F")
        await shows(pilot, "─ 1 finding in 3 steps ─")
        await shows(pilot, "← changes it: version 1")
