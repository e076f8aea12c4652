"""What a step says of kept graphs, read back from data that may be anything."""

import json
from typing import Any

import pytest

from graphscope.errors import RecordingError
from graphscope.model.kept import Hold, Holder, KeptGraph
from graphscope.model.kept_codec import kept_from_data, kept_to_data
from graphscope.model.site import Frame, Site

SITE = Site("/t.py", 3, 4, 0, 7, "f", "g(x)", (Frame("/t.py", 9, "<module>"),))
KEPT = (
    KeptGraph("loss", SITE, 3, (0, 1, 5), (4, 4, -1), 5, Hold.GRAPH),
    KeptGraph("", None, 1, holders=(Holder("h", "list", "f", "/t.py", 2, "tuple"),)),
)


def test_it_comes_back_as_it_was_also_through_json() -> None:
    data = json.loads(json.dumps(kept_to_data(KEPT)))
    assert kept_from_data(data) == KEPT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "is not a list, or too long"),
        ([{"name": "x"}] * 5000, "is not a list, or too long"),
        ([7], "[0] is not an object"),
        ([{}], "[0] lacks name"),
        ([{"name": 7}], "[0] .name is not a text, or too long"),
        ([{"name": "x", "more": 1}], "[0] has an unknown field 'more'"),
        ([{"name": "x", "steps": [1.5]}], "[0] .steps is not a 64-bit integer"),
        ([{"name": "x", "hold": "me"}], "[0] .hold is no Hold"),
        ([{"name": "x", "site": 4}], "[0] .site is not an object"),
        (
            [{"name": "x", "holders": [{}]}],
            "[0] .holders [0] lacks name",
        ),
    ],
)
def test_anything_else_is_refused_with_a_reason(data: Any, reason: str) -> None:
    with pytest.raises(RecordingError) as refused:
        kept_from_data(data)
    assert str(refused.value) == (
        f"What a step says of earlier graphs is malformed: {reason}."
    )
