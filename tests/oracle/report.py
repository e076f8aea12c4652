"""The table on the screen, and the summary that is committed."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import torch

from tests.oracle.databases import UNWRITTEN
from tests.oracle.judging import Verdict
from tests.oracle.tally import Key, Tally, add_verdict

_NAMES_SHOWN: Final = 12
_COLUMNS: Final = ("samples", "identical", "complete", "true", "numbers compared")


def render_table(tallies: Mapping[Key, Tally]) -> str:
    """Return one row for each database and dtype, and one for all."""
    rows = [
        ("database", "dtype", *_COLUMNS),
        ("---", "---", *("---:" for _ in _COLUMNS)),
    ]
    total = Verdict()
    for (database, dtype), tally in tallies.items():
        add_verdict(total, tally.total)
        rows.append((database, dtype, *_cells(tally.total)))
    rows.append(("all", "all", *_cells(total)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _cells(verdict: Verdict) -> tuple[str, ...]:
    shares = (verdict.identical, verdict.complete, verdict.true)
    return (
        str(verdict.samples),
        *(f"{count} ({_percent(count, verdict.samples)})" for count in shares),
        str(verdict.compared),
    )


def _percent(count: int, total: int) -> str:
    """Write a share rounded down: 100 % only where nothing is missing.

    >>> _percent(19999, 20000), _percent(3, 3)
    ('99.99 %', '100 %')
    """
    if count == total:
        return "100 %"
    return f"{count * 10000 // total / 100:.2f} %"


def render_details(tallies: Mapping[Key, Tally]) -> str:
    """Return what failed, what is missing and why, and what was not compared."""
    tables = list(tallies.values())
    gaps, unread = Counter[str](), Counter[str]()
    unsteady: set[str] = set()
    unchecked = reordered = 0
    for tally in tables:
        gaps.update(tally.total.gaps)
        unread.update(tally.total.unread)
        unsteady |= tally.unsteady
        unchecked += tally.total.unchecked
        reordered += tally.total.reordered
    sections = {
        "Failures": _by_text(tally.failures for tally in tables),
        "Not complete, and the recording says so": _by_text(
            tally.omissions for tally in tables
        ),
        "Gaps by reason (samples)": _counted(gaps),
        "Recorded without numbers, by kind of tensor (observations)": _counted(unread),
        "Different in two bare runs": sorted(
            name for name in unsteady if not UNWRITTEN.match(name)
        ),
        "Samples that torch itself cannot make": _by_text(t.unmade for t in tables),
        "Numbers not compared": [
            f"{unchecked} observations of tensors that only code inside of torch has",
            "results of `empty` and its relatives: memory that nothing has written",
        ],
        "Equal but for the order of summation": [f"{reordered} gradients"],
    }
    return "\n\n".join(
        f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines or ["none"])
        for title, lines in sections.items()
    )


def _by_text(found: Iterable[Mapping[str, Counter[str]]]) -> list[str]:
    """Return one line for each text, the most frequent first, with its items."""
    merged: dict[str, Counter[str]] = {}
    for mapping in found:
        for text, items in mapping.items():
            merged.setdefault(text, Counter()).update(items)
    ordered = sorted(merged.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    return [f"{items.total()} × {text}: {_names(items)}" for text, items in ordered]


def _names(items: Counter[str]) -> str:
    names = sorted(items)
    shown = ", ".join(f"`{name}`" for name in names[:_NAMES_SHOWN])
    rest = len(names) - _NAMES_SHOWN
    return shown + (f" and {rest} more" if rest > 0 else "")


def _counted(counts: Counter[str]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{count} × {text}" for text, count in ordered]


def render_summary(tallies: Mapping[Key, Tally]) -> str:
    """Return the committed summary; equal results give an equal text."""
    version = torch.__version__
    python = ".".join(platform.python_version_tuple()[:2])
    return (
        "# Graphscope on PyTorch's own operator tests\n\n"
        f"torch {version}, Python {python}, CPU, one thread. Made by `make oracle`;\n"
        "the suite runs a fixed slice of it. Each sample runs twice bare, once under\n"
        "capture, and once under a mode of the test's own that keeps every tensor.\n\n"
        "- identical: results, gradients, parameters, state, exceptions, warnings and\n"
        "  random numbers are bit for bit those of the bare run; no hook, no mode and\n"
        "  no tensor is left behind.\n"
        "- complete: every torch call, output, autograd node and edge is in it.\n"
        "- true: every recorded number is the tensor's, every recorded gradient that\n"
        "  of `torch.autograd.grad`.\n\n"
        f"{render_table(tallies)}\n\n{render_details(tallies)}\n"
    )
