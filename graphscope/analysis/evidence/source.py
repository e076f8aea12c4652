"""The user's source as syntax trees: what surrounds a line, where a name is used.

A recording keeps the text of the user's files. What did not run has left nothing else
in it: the branch that was not taken, the layer that nobody calls.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from graphscope.model.site import Site

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMMENT: Final = re.compile(r"(?:^|\s)#")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, eq=False)
class Source:
    """One file of the user's.

    Attributes:
        file: Its path, as sites have it.
        tree: Its syntax tree.
        lines: Its text.
    """

    file: str
    tree: ast.Module
    lines: tuple[str, ...]

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """Node -> the node that it is a part of."""
        return {
            child: node
            for node in ast.walk(self.tree)
            for child in ast.iter_child_nodes(node)
        }

    @cached_property
    def attributes(self) -> frozenset[str]:
        """All that is read or set of something with a name: `w.grad`, `self.fc.bias`.

        Most questions about an attribute end here, without a walk through the tree.
        """
        nodes = (n for n in ast.walk(self.tree) if isinstance(n, ast.Attribute))
        return frozenset(code for n in nodes if (code := dotted(n)) is not None)

    @cached_property
    def functions(self) -> Mapping[str, tuple[ast.AST, ...]]:
        """Qualified name, as Python writes it -> the functions of that name."""
        found: dict[str, tuple[ast.AST, ...]] = {"<module>": (self.tree,)}
        for name, node in _functions_in(self.tree, ""):
            found[name] = (*found.get(name, ()), node)
        return found

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node is a part of, from the inside out."""
        parent = self.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    def function_of(self, node: ast.AST) -> ast.AST:
        """Return the function that a node is in, or the module."""
        return next(
            (a for a in self.above(node) if isinstance(a, FUNCTIONS)), self.tree
        )

    def name_of(self, function: ast.AST) -> str:
        """Return the qualified name of a function."""
        found = (n for n, nodes in self.functions.items() if function in nodes)
        return next(found, "<module>")

    def enclosing(self, site: Site) -> ast.AST | None:
        """Return the function that a site is in, None where it is not known."""
        return self.function_at(site.function, site.line)

    def function_at(self, name: str, line: int) -> ast.AST | None:
        """Return the function of a name that has a line in it."""
        for node in self.functions.get(name, ()):
            if isinstance(node, ast.Module) or _first_line(node) <= line <= _last(node):
                return node
        return None

    def text_of(self, node: ast.AST) -> str:
        """Return the text of an expression, on one line."""
        if isinstance(node, ast.Module):
            return " ".join(" ".join(self.lines).split())
        (first, begin), (last, end) = self.spans(node)
        if first == last:
            return " ".join(self._line(first)[begin:end].split())
        inner = self.lines[first : last - 1]
        parts = (self._line(first)[begin:], *inner, self._line(last)[:end])
        return " ".join(" ".join(parts).split())

    def mentions(self, text: str) -> bool:
        """Whether a piece of text is anywhere in the file, without a look at its tree.

        It costs little where it keeps a large file from being gone through.
        """
        return any(text in line for line in self.lines)

    def head_of(self, line: int) -> str:
        """Return the code of a line, without its margins and its comment."""
        return _COMMENT.split(self._line(line), maxsplit=1)[0].strip()

    def comment_of(self, line: int) -> str:
        """Return the comment at the end of a line, empty without one."""
        return "".join(_COMMENT.split(self._line(line), maxsplit=1)[1:]).strip()

    def site_of(self, node: ast.expr | ast.stmt) -> Site:
        """Return where a node is."""
        end = node.end_lineno or node.lineno
        return Site(
            file=self.file,
            line=node.lineno,
            end_line=end,
            column=self._characters(node.lineno, node.col_offset),
            end_column=self._characters(end, node.end_col_offset or 0),
            function=self.name_of(self.function_of(node)),
            expression=self.text_of(node),
        )

    def site_of_line(self, line: int, function: ast.AST) -> Site:
        """Return the site of a whole line."""
        return Site(
            self.file, line, line, -1, -1, self.name_of(function), self.head_of(line)
        )

    def spans(self, node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return where a node begins and ends, as `(line, column in characters)`."""
        first, last = _first_line(node), _last(node)
        begin: int = getattr(node, "col_offset", 0)
        end: int = getattr(node, "end_col_offset", 0) or 0
        return (first, self._characters(first, begin)), (
            last,
            self._characters(last, end),
        )

    def _line(self, line: int) -> str:
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    def _characters(self, line: int, offset: int) -> int:
        text = self._line(line)
        if text.isascii():
            return offset
        return len(text.encode()[:offset].decode(errors="ignore"))


def source_of(sources: Mapping[str, str], file: str) -> Source | None:
    """Return a file of a recording; None when it is not there, or no Python."""
    text = sources.get(file)
    return None if text is None else _parse(file, text)


def all_sources(sources: Mapping[str, str]) -> Iterator[Source]:
    """Yield the files of a recording that are Python."""
    for file in sources:
        found = source_of(sources, file)
        if found is not None:
            yield found


def names_in(text: str) -> frozenset[str]:
    """Return the variables that an expression reads, dotted ones too.

    >>> sorted(names_in("total / len(h.data)"))
    ['h', 'h.data', 'len', 'total']
    >>> sorted(names_in("not ( valid"))
    []
    """
    tree = parse_expression(text)
    return frozenset() if tree is None else frozenset(_names(tree))


def names_of(tree: ast.AST) -> frozenset[str]:
    """Return the variables that a piece of code mentions, dotted ones too."""
    return frozenset(_names(tree))


@lru_cache(maxsize=256)
def parse_expression(text: str) -> ast.expr | None:
    """Parse an expression; None for what is none."""
    try:
        return ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.AST) -> str | None:
    """Return the text of a plain or dotted name; None of anything else.

    >>> dotted(ast.parse("self.fc1", mode="eval").body)
    'self.fc1'
    """
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        name = dotted(node)
        if name is not None:
            yield name


@lru_cache(maxsize=64)
def _parse(file: str, text: str) -> Source | None:
    lines = tuple(_LINE_END.split(text))
    try:
        return Source(file, ast.parse("\n".join(lines)), lines)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _functions_in(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _functions_in(child, f"{name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions_in(child, f"{prefix}{child.name}.")
        else:
            yield from _functions_in(child, prefix)


def _first_line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 1)
    return line


def _last(node: ast.AST) -> int:
    line: int | None = getattr(node, "end_lineno", None)
    return line if line is not None else _first_line(node)
