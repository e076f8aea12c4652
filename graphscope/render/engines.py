"""Which engine lays a diagram out: the installed `dot`, the WASM build, or our own.

In this order, because the first draws the best pictures, the second needs no
installation and the third cannot fail. Nothing is said when `dot` is simply not there.
"""

from collections.abc import Callable, Mapping
from typing import Final

from graphscope.diagram.model import Diagram
from graphscope.errors import ExportError
from graphscope.render.dot import to_layout_dot
from graphscope.render.failure import EngineError, tell
from graphscope.render.geometry import Geometry
from graphscope.render.graphviz_json import read_geometry
from graphscope.render.svg_layout import lay_out_builtin
from graphscope.render.system_dot import find_dot, run_dot
from graphscope.render.wasm import run_wasm

ENGINES: Final = ("auto", "dot", "wasm", "builtin")

TIMEOUT_S: Final = 10.0
"""For each engine that is not our own; 300 boxes rarely take a fifth of it."""

_TITLES: Final = {
    "dot": "Graphviz 'dot'",
    "wasm": "the WebAssembly build of Graphviz",
    "builtin": "the built-in layout",
}
_LAYOUT_FORMAT: Final = "json0"


def arrange(
    diagram: Diagram, *, engine: str = "auto", timeout_s: float = TIMEOUT_S
) -> Geometry:
    """Return where everything in `diagram` goes.

    With `auto` an engine that fails is named in one line on stderr and the next one
    takes over.

    Raises:
        ExportError: `engine` is unknown, or the one asked for is missing or failed.
    """
    if engine not in ENGINES:
        raise ExportError(
            f"There is no engine {engine!r} for pictures. "
            f"Choose one of {', '.join(ENGINES)}."
        )
    if engine != "auto":
        return _arrange_with(diagram, engine, timeout_s)
    chain = ["dot", "wasm"] if find_dot() else ["wasm"]
    for name, following in zip(chain, [*chain[1:], "builtin"], strict=True):
        try:
            return _RUNNERS[name](diagram, timeout_s)
        except EngineError as error:
            tell(f"{_TITLES[name]} failed ({error}); using {_TITLES[following]}.")
    return lay_out_builtin(diagram)


def _arrange_with(diagram: Diagram, engine: str, timeout_s: float) -> Geometry:
    try:
        return _RUNNERS[engine](diagram, timeout_s)
    except EngineError as error:
        raise ExportError(
            f"The picture was not drawn: {_TITLES[engine]} failed ({error}). "
            "Use engine 'auto' to let another engine take over."
        ) from error


def _run_system_dot(diagram: Diagram, timeout_s: float) -> Geometry:
    executable = find_dot()
    if executable is None:
        raise EngineError("it is not on PATH")
    source = to_layout_dot(diagram)
    text = run_dot(executable, source, output=_LAYOUT_FORMAT, timeout_s=timeout_s)
    return read_geometry(text, diagram, "dot")


def _run_wasm(diagram: Diagram, timeout_s: float) -> Geometry:
    text = run_wasm(to_layout_dot(diagram), output=_LAYOUT_FORMAT, timeout_s=timeout_s)
    return read_geometry(text, diagram, "wasm")


def _run_builtin(diagram: Diagram, _timeout_s: float) -> Geometry:
    return lay_out_builtin(diagram)


_RUNNERS: Final[Mapping[str, Callable[[Diagram, float], Geometry]]] = {
    "dot": _run_system_dot,
    "wasm": _run_wasm,
    "builtin": _run_builtin,
}
