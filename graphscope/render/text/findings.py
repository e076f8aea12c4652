"""A finding as lines of text: what is wrong, the evidence, the paths, what to do."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from graphscope.model.finding import Finding, PathStep
from graphscope.render.text.cells import cell_width, clean, clip, pad

_INDENT: Final = "  "
_GAP: Final = "  "
_MARK: Final = "← "
_MIN_TEXT: Final = 8


def finding_lines(finding: Finding, *, width: int, head: str = "") -> list[str]:
    r"""Write a finding in full.

    Args:
        finding: What was found.
        width: Cells in a line. Sentences are wrapped; rows of a path are cut.
        head: What stands in front of the title.

    >>> found = Finding("softmax-twice", "softmax twice", "It is.", "Leave it out.", 0)
    >>> print("\n".join(finding_lines(found, width=80, head="trap: ")))
    trap: softmax twice
      It is.
      → Leave it out.
    """
    lines = wrap_text(f"{head}{title_line(finding)}", width, _INDENT)
    lines += wrap_text(f"{_INDENT}{finding.explanation}", width, _INDENT)
    lines += path_lines(finding.paths, width=width)
    for sentence in finding.unknown:
        lines += wrap_text(f"{_INDENT}{sentence}", width, _INDENT)
    if finding.remedy:
        lines += wrap_text(f"{_INDENT}→ {finding.remedy}", width, f"{_INDENT}  ")
    return lines


def title_line(finding: Finding) -> str:
    """Return a finding's title with its line, not yet safe to print.

    >>> title_line(Finding("softmax-twice", "softmax twice", "", "", 0))
    'softmax twice'
    """
    where = "" if finding.site is None else f" ({finding.site.short})"
    return f"{finding.title}{where}"


def path_lines(
    paths: Sequence[Sequence[PathStep]], *, width: int, indent: str = _INDENT
) -> list[str]:
    r"""Write paths as rows: what is passed, its line, why the way ends or changes.

    A rail on the left says which rows are one path.

    >>> ends = (PathStep("w"), PathStep("h = w.detach()", mark="cut by detach()"))
    >>> print("\n".join(path_lines([ends], width=80, indent="")))
    ╭ w
    ╰ h = w.detach()  ← cut by detach()
    """
    rows = [(rail, step) for path in paths for rail, step in _rails(path)]
    texts = [clean(step.text) for _, step in rows]
    places = [clean(step.site.short) if step.site else "" for _, step in rows]
    marks = [clean(f"{_MARK}{step.mark}") if step.mark else "" for _, step in rows]
    text_width = max(map(cell_width, texts), default=0)
    place_width = max(map(cell_width, places), default=0)
    mark_width = max(map(cell_width, marks), default=0)
    columns = [len(_GAP) + size for size in (place_width, mark_width) if size]
    room = width - len(indent) - len("╭ ") - sum(columns)
    text_width = min(text_width, max(room, _MIN_TEXT))
    lines = []
    for (rail, _), text, place, mark in zip(rows, texts, places, marks, strict=True):
        cells = [pad(clip(text, text_width), text_width)]
        if place_width:
            cells.append(pad(place, place_width))
        cells.append(mark)
        lines.append(f"{indent}{rail} {_GAP.join(cells)}".rstrip())
    return lines


def _rails(path: Sequence[PathStep]) -> Iterator[tuple[str, PathStep]]:
    last = len(path) - 1
    for index, step in enumerate(path):
        yield ("─" if not last else "╭" if not index else "╰│"[index < last]), step


def wrap_text(text: str, width: int, indent: str = "") -> list[str]:
    """Wrap a text that may come from a recording; `indent` is for later lines.

    >>> wrap_text("what is wrong", 8, "  ")
    ['what is', '  wrong']
    """
    return wrap(
        clean(text),
        max(width, len(indent) + 1),
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
