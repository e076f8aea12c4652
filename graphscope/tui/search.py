"""Finding nodes by what the user types: names first, then expressions and ops."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.model.names import nearest_names
from graphscope.model.trace import Trace
from graphscope.tui.lines import clean
from graphscope.tui.outline import Node, Outline
from graphscope.tui.words import describe, name_of_node


@dataclass(frozen=True, slots=True)
class Entry:
    """A node as it can be found."""

    node: int
    name: str
    text: str

    @property
    def title(self) -> str:
        """What to call it in one line."""
        return f"{self.name} = {self.text}" if self.name else self.text


def list_entries(trace: Trace, outline: Outline) -> tuple[Entry, ...]:
    """Return all nodes of a step as entries."""
    return tuple(_entry(trace, node) for node in outline.nodes)


def _entry(trace: Trace, node: Node) -> Entry:
    scope = trace.graph.ops[node.op].scope if node.op is not None else ""
    text = describe(trace, node)
    text = f"{text}  {scope}" if scope else text
    return Entry(node.id, clean(name_of_node(trace, node)), clean(text))


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
    return 3 if key in entry.text.casefold() else None


def suggest(entries: Sequence[Entry], wanted: str) -> str:
    """Say that nothing matches, and which names come nearest."""
    near = nearest_names(wanted, [entry.name for entry in entries if entry.name])
    if not near:
        return f"Nothing is called {clean(wanted)!r}; no value of this step has a name."
    return f"Nothing is called {clean(wanted)!r}. Nearest names: {', '.join(near)}."
