"""Finding nodes by what the user types: names first, then expressions and ops."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphscope.diagram.labels import sign_of
from graphscope.model.names import nearest_names
from graphscope.model.trace import Trace
from graphscope.tui.lines import clean
from graphscope.tui.outline import Node, Outline, site_of
from graphscope.tui.words import describe, name_of_node, short_text


@dataclass(frozen=True, slots=True)
class Entry:
    """A node as it can be found.

    Attributes:
        node: Id of the node.
        name: The user's name, empty when there is none.
        text: Its expression, or what kind of leaf it is, and its module.
        sign: The sign of an op.
        place: Line and value, which tell it from others of the same text.
    """

    node: int
    name: str
    text: str
    sign: str = ""
    place: str = ""

    @property
    def title(self) -> str:
        """What to call it in one line."""
        text = f"{self.name} = {self.text}" if self.name else self.text
        return f"{text}  {self.place}".rstrip()


def list_entries(trace: Trace, outline: Outline) -> tuple[Entry, ...]:
    """Return all nodes of a step as entries."""
    entries = [_entry(trace, node) for node in outline.nodes]
    count = Counter(entry.title for entry in entries)
    return tuple(
        replace(entry, place=f"{entry.place}  row {entry.node + 1}".lstrip())
        if count[entry.title] > 1
        else entry
        for entry in entries
    )


def _entry(trace: Trace, node: Node) -> Entry:
    scope = trace.graph.ops[node.op].scope if node.op is not None else ""
    text = describe(trace, node)
    text = f"{text}  {scope}" if scope else text
    name = clean(name_of_node(trace, node))
    sign = "" if node.op is None else sign_of(trace.graph.ops[node.op])
    return Entry(node.id, name, clean(text), clean(sign), clean(_place(trace, node)))


def _place(trace: Trace, node: Node) -> str:
    """Write the line that a node comes from, and its value."""
    op = trace.graph.ops[node.op] if node.op is not None else None
    site = op.site if op is not None else None
    if node.value is None:
        return f"line {site.line}" if site else ""
    site = site_of(trace.graph, node.value)
    where = f"line {site.line}  " if site else ""
    return f"{where}{short_text(trace.value_of(node.value))}"


def find_entries(
    entries: Sequence[Entry], wanted: str, *, limit: int = 50
) -> list[Entry]:
    """Return what matches: exact names, names that begin so, then anything inside."""
    key = wanted.casefold().strip()
    ranked: list[tuple[int, Entry]] = []
    for entry in entries:
        rank = _rank(entry, key)
        if rank is not None:
            ranked.append((rank, entry))
    ranked.sort(key=lambda found: (found[0], found[1].node))
    return [entry for _, entry in ranked[:limit]]


def _rank(entry: Entry, key: str) -> int | None:
    name = entry.name.casefold()
    if name == key:
        return 0
    if name.startswith(key):
        return 1
    if key in name:
        return 2
    return 3 if key in f"{entry.text}\n{entry.sign}".casefold() else None


def suggest(entries: Sequence[Entry], wanted: str) -> str:
    """Say that nothing matches, and which names come nearest."""
    near = nearest_names(wanted, [entry.name for entry in entries if entry.name])
    if not near:
        return f"Nothing is called {clean(wanted)!r}; no value of this step has a name."
    return f"Nothing is called {clean(wanted)!r}. Nearest names: {', '.join(near)}."
