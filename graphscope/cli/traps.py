"""The known traps as text: those of a step in full, those of other steps by title."""

from collections.abc import Iterable
from typing import Final

from graphscope.analysis.findings import (
    find_all,
    find_at,
    find_in_step,
    find_over_steps,
    identity_of,
)
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Trace
from graphscope.render.text.findings import finding_lines, title_line, wrap_text

_MOST_STEPS: Final = 2_000
"""In longer recordings only the step is looked at, and what few steps tell of all."""


def describe_traps(recording: Recording, trace: Trace, *, width: int) -> str:
    """Write the traps of a recording, as seen from one of its steps.

    Nothing where there are none.
    """
    found = _find(recording, trace)
    here = find_at(trace, found)
    told = {identity_of(finding) for finding in here}
    others = (finding for finding in found if identity_of(finding) not in told)
    return "\n".join([*write_traps(here, width=width), *_write_titles(others, width)])


def _find(recording: Recording, trace: Trace) -> tuple[Finding, ...]:
    try:
        if len(recording) <= _MOST_STEPS:
            return find_all(recording)
        return (*find_over_steps(recording), *find_in_step(trace))
    except GraphscopeError:  # another step is damaged: this one can be shown
        return find_in_step(trace)


def write_traps(findings: Iterable[Finding], *, width: int) -> list[str]:
    r"""Write each finding in full: what, why, what to do.

    >>> found = Finding("softmax-twice", "softmax twice", "It is.", "Leave it out.", 0)
    >>> print("\n".join(write_traps([found], width=80)))
    trap: softmax twice
      It is.
      → Leave it out.
    """
    return [
        line
        for finding in findings
        for line in finding_lines(finding, width=width, head="trap: ")
    ]


def _write_titles(findings: Iterable[Finding], width: int) -> list[str]:
    return [
        line
        for finding in findings
        for line in wrap_text(
            f"trap in step {finding.step}: {title_line(finding)}", width, "  "
        )
    ]
