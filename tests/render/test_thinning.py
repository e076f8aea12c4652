from dataclasses import replace

import pytest

from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Diagram, Style
from graphscope.render.dot import to_dot
from graphscope.render.engines import arrange
from graphscope.render.thinning import find_anchors, thin_out
from tests.render.pictures import product


def training(parameters: int) -> Diagram:
    """Return a sum of parameters, which one optimizer updates."""
    leaves = [Box(f"p{i}", BoxKind.PARAMETER, f"w{i}") for i in range(parameters)]
    boxes = (
        *leaves,
        Box("sum", BoxKind.ROOT, "loss"),
        Box("sgd", BoxKind.UPDATE, "SGD"),
    )
    arrows = (
        *(Arrow(leaf.id, "sum") for leaf in leaves),
        *(Arrow(leaf.id, "sgd", ArrowKind.UPDATE) for leaf in leaves),
    )
    return Diagram("training", Style.OPERATIONS, boxes, arrows, ("First note.",))


def test_a_few_arrows_into_an_update_are_drawn() -> None:
    assert thin_out(training(4)) == training(4)
    assert thin_out(product()) == product()
    assert find_anchors(training(4)) == ()


def test_many_arrows_into_an_update_are_left_out_and_a_note_says_so() -> None:
    full = training(5)
    assert thin_out(full) == replace(
        full,
        arrows=full.arrows[:5],
        notes=("First note.", "5 arrows into the update SGD are not drawn."),
    )


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_an_update_without_arrows_stands_below_the_loss(engine: str) -> None:
    diagram = thin_out(training(5))
    assert find_anchors(diagram) == (("sum", "sgd"),)
    geometry = arrange(diagram, engine=engine)
    loss, update = geometry.boxes[-2:]
    assert loss.bottom < update.y
    assert len(geometry.routes) == 5


def test_in_dot_the_anchor_is_invisible() -> None:
    lines = to_dot(training(5)).splitlines()
    assert lines[-2] == "\tsum -> sgd [style=invis]"
    assert sum("-> sgd" in line for line in lines) == 1
