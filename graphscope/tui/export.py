"""Writing the current picture to a file: what may be asked, and what goes wrong."""

from collections.abc import Callable
from pathlib import Path

from graphscope.diagram.options import DiagramOptions
from graphscope.errors import GraphscopeError
from graphscope.model.trace import Trace


def check_target() -> Callable[[str], str]:
    """Return a check that lets an existing file pass only when asked twice."""
    confirmed = ""

    def check(text: str) -> str:
        nonlocal confirmed
        if not text.strip():
            return "Write the name of a file."
        path = Path(text).expanduser()
        if path.is_dir():
            return f"{path} is a folder. Write the name of a file."
        if path.exists() and confirmed != text:
            confirmed = text
            return f"{path} exists. Press enter again to overwrite it."
        return ""

    return check


def write_picture(trace: Trace, path: Path, options: DiagramOptions) -> str:
    """Write the picture of a step; return what went wrong, empty when nothing did."""
    from graphscope.render.save import save_trace

    try:
        save_trace(trace, path, diagram_options=options)
    except (GraphscopeError, OSError) as error:
        return str(error)
    return ""
