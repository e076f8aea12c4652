"""The command palette: every action, and every node of the step."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from graphscope.tui.keys import Key
from graphscope.tui.search import Entry

_MAX_NODES = 200


class Palette(Protocol):
    """What the palette needs of the application."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys."""

    def list_entries(self) -> tuple[Entry, ...]:
        """Return the nodes of the step."""

    def select_node(self, node: int) -> None:
        """Select a node."""

    async def run_action(self, action: str) -> bool:
        """Run an action by its name."""


class Commands(Provider):
    """Lists all keys as commands, and `go to node …`."""

    async def discover(self) -> Hits:
        for key in self._palette.keys:
            run = self._runner(key.action)
            yield DiscoveryHit(_key_title(key.meaning, key.shown), run, key.meaning)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, text, command in self._commands():
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, title, command, text=text)

    def _commands(self) -> Iterator[tuple[Content, str, Callable[[], object]]]:
        for key in self._palette.keys:
            title = _key_title(key.meaning, key.shown)
            yield title, key.meaning, self._runner(key.action)
        for entry in self._palette.list_entries()[:_MAX_NODES]:
            text = f"Go to node {entry.title}"
            yield Content(text), text, partial(self._palette.select_node, entry.node)

    @property
    def _palette(self) -> Palette:
        return cast("Palette", self.app)

    def _runner(self, action: str) -> Callable[[], object]:
        return partial(self._palette.run_action, action)


def _key_title(meaning: str, shown: str) -> Content:
    return Content.assemble(meaning, (f"   {shown}", "dim"))
