"""The programs in `cases`: what is to be found in each, and what is found.

The name of a file begins with the question that it is about, and goes on with
`healthy` where nothing is wrong: `none_detach.py`, `none_healthy_frozen.py`.
"""

import contextlib
import io
import re
import runpy
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch

import graphscope as gs
from graphscope.model.finding import Finding

FOLDER: Final = Path(__file__).parent / "cases"

QUESTIONS: Final[Mapping[str, str]] = {
    "none": "gradient is None",
    "zero": "gradient is zero, vanishes or explodes",
    "nan": "NaN or Inf",
    "large": "gradient is larger than expected",
    "inplace": "modified by an inplace operation",
    "second": "backward a second time",
    "nograph": "no grad_fn",
    "notscalar": "backward of no scalar",
    "mismatch": "shape, dtype or device mismatch",
    "kept": "the graph lives too long",
    "update": "the update does nothing or too much",
    "trap": "traps of training code",
}

_MARK: Final = re.compile(r"#.*\bfinds: (?P<kinds>[\w-]+(?:, [\w-]+)*)\s*$")


@dataclass(frozen=True)
class Ran:
    """One program that has run.

    Attributes:
        findings: What was found in its recording.
        error: The exception that ended it.
        tracing: Its trace, to ask more of.
    """

    findings: tuple[Finding, ...]
    error: BaseException | None
    tracing: Any

    def only(self, kind: str) -> Finding:
        """Return the one finding of a kind."""
        (found,) = (finding for finding in self.findings if finding.kind == kind)
        return found


def case_names() -> list[str]:
    """Return the names of all programs, without the suffix."""
    return sorted(p.stem for p in FOLDER.glob("*.py") if p.stem != "__init__")


def question_of(name: str) -> str:
    """Return the question that a program is about: the first word of its name."""
    return name.partition("_")[0]


def is_healthy(name: str) -> bool:
    """Whether nothing is wrong in a program."""
    return "_healthy_" in name


def expected(name: str) -> set[tuple[str, int]]:
    """Return what is to be found in a program, as `(kind, line)`."""
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()
    return {
        (kind, number)
        for number, line in enumerate(lines, 1)
        if (mark := _MARK.search(line)) is not None
        for kind in mark["kinds"].split(", ")
    }


def found(ran: Ran) -> set[tuple[str, int]]:
    """Return what was found in a program, as `(kind, line)`; line 0 is no line."""
    return {
        (finding.kind, 0 if finding.site is None else finding.site.line)
        for finding in ran.findings
    }


@cache
def run_case(name: str) -> Ran:
    """Run a program under `gs.trace()`, quietly, and look for findings; once only."""
    error: BaseException | None = None
    tracing = gs.trace()
    with _as_before(), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(0)
        try:
            with tracing:
                runpy.run_path(str(FOLDER / f"{name}.py"))
        except Exception as problem:  # noqa: BLE001 - to raise is what some are about
            error = problem.with_traceback(None)  # which holds all that it ran with
    assert tracing.faults == {}
    return Ran(tracing.findings, error, tracing)


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Leave torch's random numbers and default dtype, and the import path."""
    state, dtype, path = torch.get_rng_state(), torch.get_default_dtype(), [*sys.path]
    try:
        with warnings.catch_warnings():  # of torch, about what the programs do wrong
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
        sys.path[:] = path
