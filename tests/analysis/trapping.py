"""Running small programs and reading what the traps say of them."""

import re
from typing import Any

from graphscope.analysis.findings import find_all, find_in_step
from graphscope.model.finding import Finding

_PLACE = re.compile(r"\btest_\w+\.py:\d+")


def findings_of(tracing: Any) -> tuple[Finding, ...]:
    """Return what is found in all steps of a trace."""
    assert tracing.faults == {}
    return find_all(tracing.steps.recording)


def kinds_of(tracing: Any) -> list[str]:
    """Return the kinds of the traps that are found, in all steps or in one alone."""
    found = list(findings_of(tracing))
    for step in tracing.steps:
        known = {finding.kind for finding in found}
        found += [f for f in find_in_step(step.trace) if f.kind not in known]
    return [finding.kind for finding in found]


def only(tracing: Any) -> Finding:
    """Return the one finding of a trace."""
    (found,) = findings_of(tracing)
    return found


def said(text: str) -> str:
    """Return a text with the places in a test file written as `here`."""
    return _PLACE.sub("here", text)
