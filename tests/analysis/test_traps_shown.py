"""Where the traps are shown: in Python, pictures, text, JSON and on the screen."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.findings import find_at, find_over_steps
from graphscope.cli.main import run
from graphscope.cli.traps import describe_traps
from graphscope.diagram.model import Box
from graphscope.model.observation import Observation
from graphscope.render.json_export import to_json
from graphscope.render.text import to_text
from graphscope.session.steps import TracedStep
from graphscope.storage.memory import MemoryRecording
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.feed import Feed
from tests.analysis.trapping import said
from tests.tui.screens import pane_lines, press, running


def _train(steps: int = 3) -> Any:
    """Train with softmax twice and without zeroing."""
    torch.manual_seed(0)
    z_of = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(z_of.parameters(), lr=0.1)
    X, y = torch.randn(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    with gs.trace(z_of) as t:
        for _ in range(steps):
            z = z_of(X)
            p = torch.softmax(z, dim=1)
            loss = F.cross_entropy(p, y)
            loss.backward()
            optimizer.step()
    return t


def _boxes_with_marks(boxes: tuple[Box, ...]) -> list[tuple[str, str]]:
    return [
        (box.title, line.text)
        for box in boxes
        for line in box.lines
        if line.text.startswith("▲")
    ]


def test_a_step_and_a_recording_list_their_findings() -> None:
    t = _train()
    assert [f.kind for f in t.last.findings] == ["softmax-twice"]
    assert [(f.kind, f.step) for f in t.findings] == [
        ("softmax-twice", 0),
        ("missing-zero-grad", 1),
    ]
    assert t.steps.findings == t.findings


def test_inside_of_the_block_the_steps_that_are_over_are_looked_at() -> None:
    with gs.trace() as t:
        assert t.findings == ()
        torch.zeros(2, 1).argmax(dim=1)
        assert [f.kind for f in t.last.findings] == ["argmax-on-column"]


def test_a_recorded_file_has_the_findings_of_the_trace(tmp_path: Path) -> None:
    t = _train()
    t.save(tmp_path / "run.gscope")
    with gs.load(tmp_path / "run.gscope") as loaded:
        assert loaded.findings == t.findings
        assert loaded[1].findings == t.steps[1].findings


def test_both_styles_mark_the_box_concerned_and_note_the_title() -> None:
    step = _train(1).last
    diagram = step.diagram()
    assert said(diagram.notes[0]) == "▲ softmax is applied twice (here)"
    assert _boxes_with_marks(diagram.boxes) == [("cross_entropy", "▲ softmax twice")]
    (box,) = (box for box in diagram.boxes if box.title == "cross_entropy")
    assert "▲ softmax is applied twice. `p` is the result of softmax" in box.tooltip
    variables = step.diagram("variables")
    assert _boxes_with_marks(variables.boxes) == [("loss", "▲ softmax twice")]


def test_a_module_that_is_collapsed_is_marked_in_place_of_its_op() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    nn.init.constant_(model[0].bias, -100.0)  # type: ignore[arg-type]
    with gs.trace(model) as t:
        model(torch.rand(4, 2)).sum().backward()
    boxes = t.last.diagram(depth=0).boxes
    assert [mark for _, mark in _boxes_with_marks(boxes)] == ["▲ dead relu"]


def test_a_finding_about_data_is_marked_at_the_data() -> None:
    x = torch.tensor([torch.nan, 1.0])
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        (w * x).sum().backward()
    assert _boxes_with_marks(t.last.diagram().boxes) == [("x", "▲ nan input")]


def test_the_text_picture_shows_mark_and_note_also_in_ascii() -> None:
    diagram = _train(1).last.diagram()
    assert "▲ softmax twice" in to_text(diagram)
    plain = to_text(diagram, ascii_only=True)
    assert plain.isascii()
    assert "! softmax twice" in plain


def test_a_healthy_step_has_neither_mark_nor_note() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        (w * 2).sum().backward()
    diagram = t.last.diagram()
    assert diagram.notes == ()
    assert _boxes_with_marks(diagram.boxes) == []
    assert t.findings == ()


def test_json_lists_the_findings_of_the_step() -> None:
    document = json.loads(to_json(_train(1).last.trace))
    (found,) = document["findings"]
    assert found["kind"] == "softmax-twice"
    assert found["title"] == "softmax is applied twice"
    names = [document["graph"]["values"][v]["name"] for v in found["values"]]
    assert names == ["p", "loss"]
    assert found["site"]["expression"] == "F.cross_entropy(p, y)"


def test_show_prints_the_traps_of_the_step_in_full_and_others_by_title() -> None:
    t = _train()
    recording = t.steps.recording
    text = said(describe_traps(recording, recording[0], width=400))
    lines = text.splitlines()
    assert lines[0] == "trap: softmax is applied twice (here)"
    assert lines[1].startswith("  `p` is the result of softmax (here): probabilities.")
    assert lines[2].startswith("  → Leave out `torch.softmax(z, dim=1)` (here): give")
    assert lines[3:] == [
        "trap in step 1: The gradients are not zeroed between the updates (here)"
    ]
    second = said(describe_traps(recording, recording[1], width=400)).splitlines()
    assert [line for line in second if line.startswith("trap")] == [
        "trap: softmax is applied twice (here)",
        "trap: The gradients are not zeroed between the updates (here)",
    ]


def test_the_text_keeps_to_the_width_and_hides_control_characters() -> None:
    t = _train(1)
    graph = t.last.trace.graph
    renamed = tuple(
        replace(v, name="p\x1b[31m") if v.name == "p" else v for v in graph.values
    )
    trace = replace(t.last.trace, graph=replace(graph, values=renamed))
    text = describe_traps(MemoryRecording([trace]), trace, width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "\x1b" not in text
    assert "p␛[31m" in text


def test_the_show_command_prints_them_under_the_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train().save(tmp_path / "run.gscope")
    with pytest.raises(SystemExit) as end:
        run(["show", str(tmp_path / "run.gscope"), "--step", "2"])
    assert not end.value.code
    out = said(capsys.readouterr().out)
    numbers, _, traps = out.partition("\n\ntrap: ")
    assert "\nname " in numbers
    assert traps.startswith("softmax is applied twice (here)\n  `p` is the result")
    assert traps.rstrip().endswith(
        "trap in step 1: The gradients are not zeroed between the updates (here)"
    )


def test_findings_of_a_recording_are_told_with_the_numbers_of_a_step() -> None:
    t = _train()
    known = t.findings
    (own,) = find_at(t.steps[2].trace, known)
    assert (own.kind, own.step) == ("softmax-twice", 2)
    assert [f.kind for f in find_over_steps(t.steps.recording)] == ["missing-zero-grad"]


def test_numbers_that_do_not_fit_their_graph_break_nothing() -> None:
    trace = _train(1).last.trace
    odd = Observation(data=np.array([["a", "b"]]))
    strange = replace(trace, observations=tuple(odd for _ in trace.observations))
    kinds = [f.kind for f in TracedStep(strange, {}).findings]
    assert kinds == ["softmax-twice"]  # that needs no number


async def test_the_inspector_tells_title_remedy_and_evidence_of_a_node() -> None:
    t = _train()
    app = GraphscopeApp(Feed(t.steps.recording), "train.py")
    async with running(app) as pilot:
        await press(pilot, "slash", *"loss", "enter", "escape")
        lines = [said(line) for line in pane_lines(app, "inspector")]
        text = " ".join(lines)
        title = lines.index("▲ softmax is applied twice (here)")
        assert lines[title + 1].startswith("→ Leave out `torch.softmax(z, dim=1)`")
        assert text.index("→ Leave out") < text.index("value") < text.index("▲ `p` is")
        assert "1 finding (F)" in str(app.query_one("#graph").border_title)
        await press(pilot, "N")
        assert "2 findings (F)" in str(app.query_one("#graph").border_title)


async def test_the_inspector_of_another_node_says_nothing_of_it() -> None:
    app = GraphscopeApp(Feed(_train(1).steps.recording), "train.py")
    async with running(app) as pilot:
        await press(pilot, "slash", *"bias", "enter", "escape")
        assert not any("▲" in line for line in pane_lines(app, "inspector"))
