"""Writes the picture of a step to a file, in the format that its suffix names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import Diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import ExportError
from graphscope.model.trace import Trace
from graphscope.render.atomic import check_target, replace_file

IMAGE_SUFFIXES: Final = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class _Job:
    """What to write; pictures need the diagram, the other formats the whole step."""

    trace: Trace
    options: DiagramOptions
    engine: str

    @cached_property
    def diagram(self) -> Diagram:
        return build_diagram(self.trace, self.options)


def save_trace(
    trace: Trace, path: Path, *, diagram_options: DiagramOptions, engine: str = "auto"
) -> None:
    """Draw `trace` into the file `path`.

    The file appears whole or not at all: what was there before stays when anything
    fails.

    Args:
        trace: The step.
        path: Its suffix is one of `SUFFIXES`.
        diagram_options: What to draw.
        engine: Who lays out images: `auto`, `dot`, `wasm` or `builtin`.

    Raises:
        ExportError: The suffix is unknown, the folder is missing, the file cannot be
            written, or the engine asked for failed.
    """
    write = _find_writer(path)
    check_target(path)
    replace_file(path, write(_Job(trace, diagram_options, engine)))


def check_suffix(path: Path) -> None:
    """Find out early that no format belongs to the name of `path`.

    Raises:
        ExportError: The suffix is unknown.
    """
    _find_writer(path)


def _find_writer(path: Path) -> Callable[[_Job], bytes]:
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        found = f"suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise ExportError(
            f"No picture format belongs to {path.name!r} ({found}). "
            f"Use one of {' '.join(SUFFIXES)}"
        )
    return writer


def _svg(job: _Job) -> bytes:
    from graphscope.render.svg import to_svg

    return to_svg(job.diagram, engine=job.engine).encode()


def _png(job: _Job) -> bytes:
    from graphscope.render.png import to_png
    from graphscope.render.svg import to_svg

    return to_png(to_svg(job.diagram, engine=job.engine))


def _pdf(job: _Job) -> bytes:
    from graphscope.render.pdf import PDF_FAMILY, to_pdf
    from graphscope.render.svg import to_svg

    svg = to_svg(job.diagram, engine=job.engine, family=PDF_FAMILY)
    return to_pdf(svg, title=job.diagram.title)


def _html(job: _Job) -> bytes:
    from graphscope.render.html import to_html

    return to_html(job.trace, job.options, engine=job.engine).encode()


def _dot(job: _Job) -> bytes:
    from graphscope.render.dot import to_dot

    return to_dot(job.diagram).encode()


def _json(job: _Job) -> bytes:
    from graphscope.render.json_export import to_json

    return to_json(job.trace).encode()


def _graphml(job: _Job) -> bytes:
    from graphscope.render.graphml import to_graphml

    return to_graphml(job.trace).encode()


def _mermaid(job: _Job) -> bytes:
    from graphscope.render.mermaid import to_mermaid

    return to_mermaid(job.diagram).encode()


def _text(job: _Job) -> bytes:
    from graphscope.render.text import to_text

    return f"{to_text(job.diagram).rstrip()}\n".encode()


_WRITERS: Final[Mapping[str, Callable[[_Job], bytes]]] = {
    ".svg": _svg,
    ".png": _png,
    ".pdf": _pdf,
    ".html": _html,
    ".dot": _dot,
    ".json": _json,
    ".graphml": _graphml,
    ".mmd": _mermaid,
    ".txt": _text,
}

SUFFIXES: Final = tuple(_WRITERS)
"""What `save_trace` writes."""
