"""What a `.gscope` file consists of: its tables, marks, limits and checksums.

Separate, because the writer and the reader must agree on it and on nothing else.

One SQLite file with four tables. Every text and number lives in a blob that starts
with a CRC-32 over the table, the row's id and the rest of the blob, because SQLite by
itself lets almost a third of all damaged bytes pass as data.

- `meta`: 1 is the environment, 2 is the summary, which only a clean close writes;
  from 16 on one bit for each row of `step`, set when the disk budget took the row
  away; −1 − n is a second copy of row n of `graph`, written by a clean close;
- `graph`: the distinct structures as canonical JSON;
- `source`: the distinct `[path, text]` of the user's files as JSON;
- `step`: `head` (number, graph, status, loss) and `body` (the numbers), in the order
  in which they were written; the number in the head has holes where the row ids have
  none when a step was dropped.
"""

import json
from struct import Struct
from typing import Any, Final
from zlib import crc32

from graphscope.errors import RecordingError

APPLICATION_ID: Final = 0x67536370  # "gScp"
SCHEMA_VERSION: Final = 1

TABLES: Final = {
    "meta": "CREATE TABLE meta(id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "graph": "CREATE TABLE graph(id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "source": "CREATE TABLE source(id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "step": (
        "CREATE TABLE step(id INTEGER PRIMARY KEY, head BLOB NOT NULL,"
        " body BLOB NOT NULL)"
    ),
}
"""Name of each table and the exact text that SQLite keeps of it."""

ENVIRONMENT_ROW: Final = 1
SUMMARY_ROW: Final = 2
THINNED_ROW: Final = 16
"""First of the rows that say which steps were thinned away."""
THINNED_PART_ROWS: Final = 1 << 14
"""Steps that one of these rows tells about."""

MAX_BLOB_BYTES: Final = 256 << 20
"""Largest body of a step; a larger step is dropped and counted."""
MAX_JSON_BYTES: Final = 256 << 20
"""Largest graph, source or environment: 200,000 events take about 100 MB."""
MAX_STEPS: Final = 1 << 22
"""Most steps of one recording."""

DEFAULT_MAX_BYTES: Final = 1 << 30
"""Budget of a recording when nobody chose one."""
NO_LIMIT: Final = 1 << 62
"""Budget of a recording that must keep every step."""
THINNED_PARTS: Final = MAX_STEPS // THINNED_PART_ROWS

_CRC: Final = Struct("<I")
_KEY: Final = Struct("<q")
SEAL_BYTES: Final = _CRC.size
"""The checksum in front of every blob."""


def seal(part: str, row: int, payload: bytes) -> bytes:
    """Return `payload` with the checksum of its place and content in front."""
    return _CRC.pack(_checksum(part, row, payload)) + payload


def unseal(part: str, row: int, blob: object) -> bytes:
    """Return the payload of a sealed `blob`.

    Raises:
        RecordingError: The blob is not one, or was damaged, or belongs elsewhere.
    """
    if type(blob) is not bytes or len(blob) < _CRC.size:
        raise RecordingError(f"Row {row} of {part} is not a sealed blob.")
    payload = blob[_CRC.size :]
    if _CRC.unpack_from(blob)[0] != _checksum(part, row, payload):
        raise RecordingError(f"Row {row} of {part} is damaged: its checksum differs.")
    return payload


def copy_row(graph: int) -> int:
    """Return the row of `meta` that holds the second copy of a graph."""
    return -1 - graph


def _checksum(part: str, row: int, payload: bytes) -> int:
    return crc32(payload, crc32(_KEY.pack(row), crc32(part.encode())))


def encode_json(data: Any) -> bytes:
    """Return `data` as canonical JSON: sorted keys, no spaces, no NaN.

    Surrogates pass, because file names may hold undecodable bytes.

    >>> encode_json({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'
    """
    text = json.dumps(
        data,
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return text.encode("utf-8", "surrogatepass")


def decode_json(payload: bytes) -> Any:
    """Return what `encode_json` wrote; numbers other than integers are refused.

    Raises:
        RecordingError: It is too large, not JSON, nested too deeply, or not strict.
    """
    if len(payload) > MAX_JSON_BYTES:
        raise RecordingError(f"{len(payload)} bytes of JSON are too many.")
    try:
        return json.loads(
            payload.decode("utf-8", "surrogatepass"),
            parse_constant=_refuse_number,
            parse_float=_refuse_number,
        )
    except (ValueError, RecursionError) as reason:
        raise RecordingError(f"The JSON cannot be read: {reason}.") from None


def _refuse_number(text: str) -> None:
    raise ValueError(f"{text[:40]!r} is not an integer")
