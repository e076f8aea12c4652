"""Where the user's code ran in a step, and where its classes are defined."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from graphscope.analysis.evidence.source import Source, all_sources, dotted
from graphscope.analysis.why.missing.bindings import Place
from graphscope.model.trace import Trace

Classes = tuple[tuple[Source, ast.ClassDef], ...]

_ROOT: Final = "Module"
"""What torch's own class is called, which ends the search for bases."""


@dataclass(frozen=True, eq=False)
class Ran:
    """Where ops ran in a step.

    Attributes:
        trace: The step.
    """

    trace: Trace
    _classes: dict[str, Classes] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[tuple[str, str], set[Place]]:
        """File and function -> the lines and columns of its ops and calls.

        The column of a line that only called is −1: where in the line is not known.
        """
        found: dict[tuple[str, str], set[Place]] = {}
        for op in self.trace.graph.ops:
            if op.site is None:
                continue
            own = op.site
            found.setdefault((own.file, own.function), set()).add(
                (own.line, own.column)
            )
            for frame in own.stack:
                place = frame.line, -1
                found.setdefault((frame.file, frame.function), set()).add(place)
        return found

    def in_function(self, source: Source, function: ast.AST) -> set[Place]:
        """Return the places in a function at which something ran."""
        return self.places.get((source.file, source.name_of(function)), set())

    def classes(self, name: str) -> Classes:
        """Return the class of a module, and those of the user's it is derived from."""
        if name not in self._classes:
            self._classes[name] = tuple(self._find_classes(name))
        return self._classes[name]

    def _find_classes(self, name: str) -> Iterator[tuple[Source, ast.ClassDef]]:
        sources = list(all_sources(self.trace.sources))
        ran = self._files_of(name)
        wanted = [(name, [s for s in sources if s.file in ran] or sources)]
        seen: set[str] = set()
        while wanted:
            current, places = wanted.pop()
            found = None if current in seen else _defined(places, current)
            seen.add(current)
            if found is not None:
                yield found
                bases = (dotted(base) for base in found[1].bases)
                names = (base.rpartition(".")[2] for base in bases if base)
                wanted += [(base, sources) for base in names if base != _ROOT]

    def _files_of(self, class_name: str) -> set[str]:
        """Return the files in which a method of a class ran."""
        within = f".{class_name}."
        return {file for file, function in self.places if within in f".{function}"}


def _defined(
    sources: Sequence[Source], name: str
) -> tuple[Source, ast.ClassDef] | None:
    """Return where a class is defined; of several places the first."""
    for source in sources:
        nodes = ast.walk(source.tree) if source.mentions(f"class {name}") else ()
        for node in nodes:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return source, node
    return None
