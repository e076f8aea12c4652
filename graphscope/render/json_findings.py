"""The findings of a recording as JSON, for other programs.

The document is one object, on one line::

    {
        "format": "graphscope.findings",
        "version": 1,
        "recording": "run.gscope",
        "steps": 1000,
        "notes": [],
        "findings": [...],
    }

`steps` is how many were looked at, and `notes` says in sentences what was not. The
entries of `findings` have the attributes of `graphscope.model.finding.Finding` and of
the classes that it names, under the same names; ids are positions in the graph of the
finding's step.

An answer to `why` is one object too, of the format "graphscope.answer", with the
attributes of `graphscope.analysis.why.answer.Answer`.

It is strict JSON: `"NaN"`, `"Infinity"` and `"-Infinity"` are strings. Attributes may
be added within a version; a change of meaning changes `version`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphscope.analysis.why.answer import Answer
from graphscope.model.finding import Finding
from graphscope.render.json_export import plain

FORMAT: Final = "graphscope.findings"
ANSWER_FORMAT: Final = "graphscope.answer"
VERSION: Final = 1


def findings_to_json(
    findings: Sequence[Finding], *, recording: str, steps: int, notes: Sequence[str]
) -> str:
    """Return the findings of a recording as one line of JSON.

    >>> findings_to_json([], recording="run.gscope", steps=2, notes=())[-54:]
    '"run.gscope", "steps": 2, "notes": [], "findings": []}'
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "recording": recording,
        "steps": steps,
        "notes": list(notes),
        "findings": plain(findings),
    }
    return _dump(document)


def answer_to_json(answer: Answer, *, recording: str) -> str:
    """Return the answer to `why` as one line of JSON."""
    head = {"format": ANSWER_FORMAT, "version": VERSION, "recording": recording}
    return _dump({**head, **plain(answer)})


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, allow_nan=False)  # ASCII: stdout may know nothing else
