"""`graphscope check`: all findings of recordings; its exit code is for CI."""

from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graphscope.cli.output import describe_failure, find_width, put, say
from graphscope.errors import GraphscopeError

if TYPE_CHECKING:
    from graphscope.session.checking import Checked

FOUND_CODE: Final = 3
"""Exit code of a check that has found something."""


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"  # a block of sentences for each
    JSON = "json"  # one document for each recording, on a line of its own


OutputFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        help="text: sentences. json: one document on a line for each recording.",
    ),
]


def _print_kinds(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        from graphscope.analysis.findings.kinds import kind_lines

        put("\n".join(kind_lines()))
        raise typer.Exit


def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Recordings, as `graphscope record` writes them.",
            show_default=False,
        ),
    ],
    *,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="KIND[,KIND]",
            help="Kinds that make the exit code 3, such as nan,none_grad; a kind "
            "stands for all that begin with it, and nan for inf and fp16-overflow "
            "too. All findings are printed anyway. "
            "[default: every kind]",
            show_default=False,
        ),
    ] = None,
    output: OutputFormat = Format.TEXT,
    _list: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Print the kinds of findings and stop.",
            callback=_print_kinds,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Look for everything suspicious; for CI.

    Exit codes: 0 nothing was found, 3 something was, 1 a recording, or a step that may
    hide something, cannot be read.
    What was found goes to stdout; how much, and what could not be looked at, to stderr.
    """
    kinds = None if fail_on is None else _read_kinds(fail_on)
    code = 0
    for file in files:
        code = max(code, _check(file, output, kinds), key=(0, FOUND_CODE, 1).index)
    raise typer.Exit(code)


def _check(file: Path, output: Format, kinds: frozenset[str] | None) -> int:
    """Check one recording and return the exit code."""
    from graphscope.session.checking import check_recording

    try:
        checked = check_recording(file)
    except (GraphscopeError, OSError) as error:
        say(f"graphscope: {describe_failure(error)}")
        return 1
    text = _to_json(checked) if output is Format.JSON else _to_text(checked)
    if text:
        put(text)
    say(_summarize(checked))
    counts = [f for f in checked.findings if kinds is None or f.kind in kinds]
    if counts:
        return FOUND_CODE
    return 1 if checked.is_damaged else 0


def _read_kinds(text: str) -> frozenset[str]:
    """Return the kinds that `--fail-on` names.

    Raises:
        typer.BadParameter: One is no kind.
    """
    from graphscope.analysis.findings.kinds import KINDS, covered_kinds

    found: set[str] = set()
    for name in text.split(","):
        covered = covered_kinds(name)
        if not covered:
            near = get_close_matches(name.strip().replace("_", "-"), KINDS)
            hint = "Nearest" if near else "The kinds"
            raise typer.BadParameter(
                f"There is no kind {name.strip()!r}. {hint}: "
                f"{', '.join(near or KINDS)}; `graphscope check --list` says what "
                "they are.",
                param_hint="--fail-on",
            )
        found.update(covered)
    return frozenset(found)


def _to_json(checked: "Checked") -> str:
    from graphscope.render.json_findings import findings_to_json

    return findings_to_json(
        checked.findings,
        recording=str(checked.path),
        steps=checked.steps,
        notes=checked.notes,
    )


def _to_text(checked: "Checked") -> str:
    """Write each finding as a block; nothing where nothing was found."""
    from graphscope.render.text.findings import finding_lines

    width = find_width()
    blocks = [
        "\n".join(
            finding_lines(found, width=width, head=f"step {found.step}: {found.kind}: ")
        )
        for found in checked.findings
    ]
    return "\n\n".join(blocks)


def _summarize(checked: "Checked") -> str:
    """Say how much was found in how many steps, and what was not looked at."""
    from graphscope.analysis.evidence.wording import count

    number = len(checked.findings)
    what = count(number, "finding") if number else "nothing found"
    head = f"{checked.path}: {what} in {count(checked.steps, 'step')}."
    return " ".join([head, *checked.notes])
