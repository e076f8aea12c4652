"""A step as JSON, for other programs.

The document is one object::

    {
        "format": "graphscope.trace",
        "version": 1,
        "step": 0,
        "status": "complete",
        "error": "",
        "graph": {
            "values": [...],
            "ops": [...],
            "grad_nodes": [...],
            "events": [...],
            "slots": [...],
            "scopes": [...],
            "roots": [...],
            "gaps": [...],
            "calls": [...],
            "parameters": [...],
            "optimizers": [...],
        },
        "observations": [...],
        "kept": [...],
        "findings": [...],
        "sources": {"/home/me/train.py": "..."},
    }

The entries of `graph` carry the attributes of the classes in `graphscope.model.graph`,
`graphscope.model.calls` and `graphscope.model.optimizers` under the same names; ids are
positions in these lists.
`observations[i]` belongs to `slots[i]` and is one of

- null: torch had no tensor there (`w.grad is None`);
- `{"dtype": "float32", "shape": [2], "data": [1.0, 2.0]}`: the whole tensor, nested
  lists along its axes, a complex number as `[real, imaginary]`;
- `{"stats": {"numel": ..., "mean": ..., ...}}`: statistics of a larger one;
- `{}`: there was a tensor that could not be read.

The entries of `findings` are the known traps that show in the step, with the attributes
of `graphscope.model.finding.Finding`.

The entries of `kept` are the graphs of earlier steps that were still alive at the end
of this one, with the attributes of `graphscope.model.kept.KeptGraph`.

It is strict JSON: `"NaN"`, `"Infinity"` and `"-Infinity"` are strings. Attributes may
be added within a version; a change of meaning changes `version`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite, isnan
from typing import Any, Final

from graphscope.analysis.findings import find_in_step
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

FORMAT: Final = "graphscope.trace"
VERSION: Final = 1

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def to_json(trace: Trace) -> str:
    """Return the step as a JSON document, one entry of a list on each line."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "step": trace.step,
        "status": trace.status.value,
        "error": trace.error,
    }
    graph = ",\n".join(
        f'"{field.name}": {_listing(plain(getattr(trace.graph, field.name)))}'
        for field in fields(trace.graph)
    )
    seen = _listing([observation_data(s) for s in trace.observations])
    parts = [
        *(f'"{key}": {_dump(value)}' for key, value in head.items()),
        f'"graph": {{\n{graph}\n}}',
        f'"observations": {seen}',
        f'"kept": {_listing(plain(trace.kept))}',
        f'"findings": {_listing(plain(find_in_step(trace)))}',
        f'"sources": {_dump(dict(trace.sources))}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def plain(item: Any) -> Any:
    """Turn dataclasses, enums and tuples into what JSON knows."""
    if isinstance(item, Enum):
        return item.value
    if is_dataclass(item) and not isinstance(item, type):
        return {f.name: plain(getattr(item, f.name)) for f in fields(item)}
    if isinstance(item, Mapping):
        return {str(key): plain(value) for key, value in item.items()}
    if isinstance(item, Sequence) and not isinstance(item, str):
        return [plain(entry) for entry in item]
    return number(item) if isinstance(item, float | complex) else item


def observation_data(seen: Observation | None) -> dict[str, Any] | None:
    """Return the JSON form of one observation; see the module docstring."""
    if seen is None:
        return None
    if seen.data is not None:
        data = seen.data
        return {
            "dtype": str(data.dtype),
            "shape": list(data.shape),
            "data": _nested(data),
        }
    return {} if seen.summary is None else {"stats": plain(seen.summary)}


def number(item: Any) -> Any:
    """Return a number as strict JSON can hold it.

    >>> number(1.5), number(float("-inf")), number(1 + 2j)
    (1.5, '-Infinity', [1.0, 2.0])
    """
    if isinstance(item, complex):
        return [number(item.real), number(item.imag)]
    if isinstance(item, int) or isfinite(item):
        return item
    if isnan(item):
        return "NaN"
    return "Infinity" if item > 0 else "-Infinity"


def _nested(data: Array) -> Any:
    return _strict(data.tolist())


def _strict(item: Any) -> Any:
    if isinstance(item, list):
        return [_strict(entry) for entry in item]
    return number(item) if isinstance(item, float | complex) else item


def _listing(entries: Sequence[Any]) -> str:
    if not entries:
        return "[]"
    return "[\n" + ",\n".join(f"  {_dump(entry)}" for entry in entries) + "\n]"


def _dump(item: Any) -> str:
    text = json.dumps(item, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
