"""Every way in which an example can be looked at, as text to search in."""

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from graphscope.cli.report import describe_numbers, describe_phases
from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.lectures.running import Run, trace_example
from graphscope.lectures.shelf import open_shelf
from graphscope.model.trace import Trace
from graphscope.render.dot import to_dot
from graphscope.render.json_export import to_json
from graphscope.render.mermaid import to_mermaid
from graphscope.render.text import to_text
from graphscope.session.steps import LoadedRecording, TracedStep
from graphscope.tui.state import LAST, Position
from tests.tui.screens import open_app, running, screen_text, settle

SHELF: Final = open_shelf()
_RUNS: Final[dict[int, LoadedRecording]] = {}  # by the graph of a step
WIDTH: Final = 240


@cache
def run(name: str) -> Run:
    """Run an example once for all of its tests."""
    return trace_example(SHELF.find(name))


def step(name: str, number: int = 0) -> TracedStep:
    """Return one recorded step of an example."""
    steps = run(name).steps
    found = steps[number]
    _RUNS[id(found.trace.graph)] = steps
    return found


def _draw(trace: Trace, style: Style, *, lecture: bool = False) -> str:
    options = DiagramOptions(style, lecture=lecture)
    return to_text(build_diagram(trace, options), width=WIDTH)


def _chain(found: TracedStep) -> str:
    leaves = [v.name for v in found.trace.graph.values if v.kind.value == "parameter"]
    names = [name for name in dict.fromkeys(leaves) if name is not None]
    texts = [str(found.chain_rule(name)) for name in names if found[name].arrived]
    return "\n".join(texts)


def _rail(found: TracedStep) -> str:
    return to_text(build_diagram(found.trace), width=WIDTH, view="rail")


def _json(found: TracedStep) -> str:
    return json.dumps(json.loads(to_json(found.trace)), ensure_ascii=False)


def _traps(found: TracedStep) -> str:
    """Return what is suspicious in all of the steps."""
    findings = _RUNS[id(found.trace.graph)].findings
    return "\n".join(f"{f.title}. {f.explanation} {f.remedy}" for f in findings)


def _screen(found: TracedStep) -> str:
    """Return the terminal interface at the last event of a step."""
    return asyncio.run(_read_screen(found))


async def _read_screen(found: TracedStep) -> str:
    traces = _RUNS[id(found.trace.graph)]
    app = open_app([one.trace for one in traces])
    async with running(app) as pilot:
        app.go(Position(step=found.step, event=LAST))
        await settle(pilot)
        return screen_text(app)


FORMATS: Final[Mapping[str, Callable[[TracedStep], str]]] = {
    "boxes": lambda found: _draw(found.trace, Style.OPERATIONS),
    "variables": lambda found: _draw(found.trace, Style.VARIABLES),
    "lecture": lambda found: _draw(found.trace, Style.OPERATIONS, lecture=True),
    "rail": _rail,
    "table": lambda found: describe_numbers(found.trace),
    "phases": lambda found: describe_phases(found.trace, width=WIDTH),
    "chain": _chain,
    "dot": lambda found: to_dot(build_diagram(found.trace)),
    "mermaid": lambda found: to_mermaid(build_diagram(found.trace)),
    "json": _json,
    "summary": lambda found: str(found.summary()),
    "screen": _screen,
    "traps": _traps,
}
"""The outputs, by the name that the table of concepts uses."""
