"""Verdicts of many items, added up by database and dtype; also as JSON-able data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tests.oracle.judging import Verdict

Key = tuple[str, str]
"""A database and a dtype, by name."""

_COUNTERS = ("failures", "omissions", "gaps", "unread", "unsteady", "unmade")
_NUMBERS = tuple(f.name for f in fields(Verdict) if f.name not in _COUNTERS)


@dataclass(slots=True)
class Tally:
    """What was found out about one database with one dtype.

    Attributes:
        total: The sum over all items.
        failures: Failure -> item -> number of its samples.
        omissions: What a named gap accounts for -> item -> number of its samples.
        unsteady: Items of which two bare runs differ.
        unmade: Reason -> item that torch itself could not make.
    """

    total: Verdict = field(default_factory=Verdict)
    failures: dict[str, Counter[str]] = field(default_factory=dict)
    omissions: dict[str, Counter[str]] = field(default_factory=dict)
    unsteady: set[str] = field(default_factory=set)
    unmade: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, item: str, verdict: Verdict) -> None:
        """Count the verdict on one item."""
        add_verdict(self.total, verdict)
        for name in ("failures", "omissions", "unmade"):
            for text, count in getattr(verdict, name).items():
                getattr(self, name).setdefault(text, Counter())[item] += count
        if verdict.unsteady:
            self.unsteady.add(item)

    def fail(self, item: str, text: str) -> None:
        """Count something that befell a whole item, such as a crash."""
        self.failures.setdefault(text, Counter())[item] += 1
        self.total.failures[text] += 1


def add_verdict(total: Verdict, other: Verdict) -> None:
    """Add `other` to `total`, number by number."""
    for name in _NUMBERS:
        setattr(total, name, getattr(total, name) + getattr(other, name))
    for name in _COUNTERS:
        getattr(total, name).update(getattr(other, name))


def to_data(verdict: Verdict) -> dict[str, Any]:
    """Return `verdict` as plain dicts and numbers."""
    data: dict[str, Any] = {name: getattr(verdict, name) for name in _NUMBERS}
    return data | {name: dict(getattr(verdict, name)) for name in _COUNTERS}


def from_data(data: Mapping[str, Any]) -> Verdict:
    """Return the verdict that `to_data` made `data` of."""
    verdict = Verdict()
    for name in _NUMBERS:
        setattr(verdict, name, int(data[name]))
    for name in _COUNTERS:
        getattr(verdict, name).update(data[name])
    return verdict
