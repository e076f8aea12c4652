"""What the lectures print for each example, and what torch really gives.

The data is `demos/data/lectures.json`: `expected` is what the document prints, also
where it is wrong; `torch` is what the example gives; `why` says why the two differ.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from graphscope.errors import GraphscopeError

_FILE: Final = Path("data") / "lectures.json"


@dataclass(frozen=True, slots=True)
class Oracle:
    """What is known of one example from outside of graphscope.

    Attributes:
        id: The example's.
        document: The lecture that it is from.
        line: 1-based line in the text of the lecture.
        printed: Name of a result -> what the lecture prints.
        torch: Name of a result -> what torch 2.13 gives on a CPU.
        tolerance: Absolute tolerance of a comparison.
        rel_tolerance: Relative tolerance, added to it.
        tolerances: Absolute tolerance of single results.
        why: Why print and torch differ, empty when they agree.
    """

    id: str
    document: str
    line: int
    printed: Mapping[str, Any]
    torch: Mapping[str, Any]
    tolerance: float
    rel_tolerance: float = 0.0
    tolerances: Mapping[str, float] = field(default_factory=dict)
    why: str = ""

    def tolerance_of(self, key: str) -> float:
        """Return the absolute tolerance of one result."""
        return self.tolerances.get(key, self.tolerance)


def load_oracles(folder: Path) -> dict[str, Oracle]:
    """Read the oracles beside the demos in `folder`, by id.

    Raises:
        GraphscopeError: The file is missing.
    """
    path = folder / _FILE
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise GraphscopeError(
            f"The lectures' numbers are missing: {path} cannot be read "
            f"({problem.strerror}). Install graphscope-torch again."
        ) from problem
    documents = data["documents"]
    return {
        name: _make_oracle(name, documents[name.partition("-")[0]], record)
        for name, record in data["examples"].items()
    }


def _make_oracle(name: str, document: str, record: Mapping[str, Any]) -> Oracle:
    return Oracle(
        id=name,
        document=document,
        line=record["line"],
        printed=record["expected"],
        torch=record["torch"],
        tolerance=record["tolerance"],
        rel_tolerance=record.get("rel_tolerance", 0.0),
        tolerances=record.get("tolerance_by_key", {}),
        why=record.get("why", ""),
    )
