"""What a step says of graphs that are still alive, as JSON-able data, and back.

Separate from the codec of graphs: this is written for each step anew. It is rare, so a
site stands in it whole.
"""

from collections.abc import Sequence
from typing import Any, Final

from graphscope.errors import RecordingError
from graphscope.model.forms import (
    INT,
    INTS,
    TEXT,
    Form,
    MalformedError,
    Record,
    Tables,
    check_list,
    enum_form,
)
from graphscope.model.kept import Hold, Holder, KeptGraph
from graphscope.model.site import Frame, Site

_MOST: Final = 4096

_FRAMES: Final = Record(Frame, file=TEXT, line=INT, function=TEXT).many()
_SITE: Final = Record(
    Site,
    file=TEXT,
    line=INT,
    end_line=INT,
    column=INT,
    end_column=INT,
    function=TEXT,
    expression=TEXT,
    stack=_FRAMES,
)


def _encode_site(site: Site | None, tables: Tables) -> Any:
    return None if site is None else _SITE.encode(site, tables)


def _decode_site(item: Any, tables: Tables) -> Any:
    return None if item is None else _SITE.decode(item, tables)


_KEPT: Final = Record(
    KeptGraph,
    name=TEXT,
    site=Form(_encode_site, _decode_site),
    count=INT,
    steps=INTS,
    values=INTS,
    newest=INT,
    hold=enum_form(Hold),
    holders=Record(
        Holder, name=TEXT, container=TEXT, function=TEXT, file=TEXT, count=INT, via=TEXT
    ).many(),
).many()


def kept_to_data(kept: Sequence[KeptGraph]) -> list[Any]:
    """Return `kept` as dicts, lists, texts and integers.

    >>> kept_to_data([KeptGraph("loss", count=2, steps=(0, 1))])
    [{'name': 'loss', 'count': 2, 'steps': [0, 1]}]
    """
    data: list[Any] = _KEPT.encode(kept, Tables())
    return data


def kept_from_data(data: Any) -> tuple[KeptGraph, ...]:
    """Return what `kept_to_data` wrote as `data`.

    Raises:
        RecordingError: It is something else.
    """
    try:
        found: tuple[KeptGraph, ...] = _KEPT.decode(check_list(data, _MOST), Tables())
    except MalformedError as reason:
        raise RecordingError(
            f"What a step says of earlier graphs is malformed: {reason}."
        ) from None
    return found
