"""A script that shows a NaN again, written to a file of the user's choice.

Separate from the answer that it belongs to, because it writes: a file of the user's is
never replaced, one that was written before is.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from graphscope.analysis.why.nonfinite import write_reproduction
from graphscope.errors import ExportError, NotRecordedError
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Trace
from graphscope.render.atomic import check_target, replace_file
from graphscope.session.choosing import find_step

_KINDS: Final = frozenset({"nan", "inf", "fp16-overflow"})
_WHAT: Final = "script"
_HEAD: Final = "# Written by graphscope: run it to see the number that is not finite."


def save_reproduction(
    path: Path,
    findings: Iterable[Finding],
    steps: Recording | Sequence[Trace],
    question: str,
) -> None:
    """Write the smallest script that shows the NaN or Inf of an answer again.

    Args:
        path: Where to.
        findings: Those of the answer.
        steps: The steps of the recording: a NaN may be older than the step asked for.
        question: What was asked.

    Raises:
        NotRecordedError: Nothing in the answer is NaN or Inf, or the recording lacks
            what the script needs.
        ExportError: There is another file, or it cannot be written.
    """
    for finding in findings:
        if finding.kind in _KINDS:
            trace = find_step(steps, finding)
            if trace is None:
                raise NotRecordedError(
                    f"Step {finding.step}, in which it became so, is not recorded."
                )
            text = write_reproduction(trace, finding)
            _write(path, f"{_HEAD}\n{text}")
            return
    raise NotRecordedError(
        f"There is nothing to reproduce: no NaN and no Inf explains {question!r}. Ask "
        "about a value that is not finite; `graphscope check` names them."
    )


def _write(path: Path, text: str) -> None:
    check_target(path, _WHAT)
    if path.exists() and not _is_ours(path):
        raise ExportError(
            f"{path} exists already and was not written by graphscope: it was not "
            "overwritten. Choose another name."
        )
    replace_file(path, text.encode("utf-8", "replace"), _WHAT)


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) == _HEAD.encode()
    except OSError:
        return False
