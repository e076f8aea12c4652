"""A graph out of a recording, with what is looked up in it again and again."""

import sqlite3

from graphscope.errors import RecordingError
from graphscope.model.codec import graph_from_data
from graphscope.model.graph import Graph, Role
from graphscope.storage.connect import Connection
from graphscope.storage.index import read_blob
from graphscope.storage.layout import SlotTable
from graphscope.storage.schema import copy_row, decode_json, unseal
from graphscope.storage.series import find_slot


class KnownGraph:
    """A decoded graph, the places of its slots, and the slots of names."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.table = SlotTable(graph.slots)
        self._slots: dict[tuple[str, Role], int | None] = {}

    def slot(self, name: str, role: Role) -> int | None:
        """Return the slot that `find_slot` finds."""
        if (name, role) not in self._slots:
            self._slots[name, role] = find_slot(self.graph, name, role)
        return self._slots[name, role]


def load_graph(connection: Connection, row: int) -> KnownGraph | RecordingError:
    """Read one graph; an error is returned, to be remembered: it may have been slow."""
    try:
        payload = _read_payload(connection, row)
        return KnownGraph(graph_from_data(decode_json(payload)))
    except RecordingError as reason:
        return reason


def _read_payload(connection: Connection, row: int) -> bytes:
    """Return the bytes of a graph, from its second copy where the first is damaged."""
    try:
        return _unseal_at(connection, "graph", row, graph=row)
    except RecordingError as reason:
        try:
            return _unseal_at(connection, "meta", copy_row(row), graph=row)
        except RecordingError:
            raise reason from None


def _unseal_at(connection: Connection, part: str, row: int, *, graph: int) -> bytes:
    try:
        return unseal("graph", graph, read_blob(connection, part, row))
    except sqlite3.DatabaseError as reason:
        raise RecordingError(f"Its graph cannot be read: {reason}") from None
