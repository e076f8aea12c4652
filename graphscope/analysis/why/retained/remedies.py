"""The user's statement, with what it stores cut off from its graph."""

import ast
from collections.abc import Callable, Sequence
from typing import Any

from graphscope.analysis.evidence.source import dotted, parse_expression
from graphscope.analysis.why.retained.storing import CUTTING, stores_in


def cut_in_text(code: str, *, is_scalar: bool) -> str:
    """Return an expression without its graph.

    >>> cut_in_text("loss", is_scalar=True), cut_in_text("a + b", is_scalar=False)
    ('loss.item()', '(a + b).detach()')
    """
    method = "item" if is_scalar else "detach"
    tree = parse_expression(code)
    if tree is None:
        return f"{code}.{method}()"
    return ast.unparse(ast.fix_missing_locations(_call(tree, method)))


def cut_in_statement(
    statement: str,
    names: Sequence[str],
    *,
    is_scalar: bool,
    named_only: bool = False,
) -> str:
    """Return a statement that stores some values without their graphs.

    Args:
        statement: Its text.
        names: What the values are called; where the statement has none of these names,
            all that it stores is cut.
        is_scalar: Whether each of them has one number.
        named_only: Leave a statement alone that has none of the names: return nothing.

    >>> cut_in_statement("losses.append(loss)", ["loss"], is_scalar=True)
    'losses.append(loss.item())'
    >>> cut_in_statement("outs += [model(x)]", [], is_scalar=False)
    'outs += [model(x).detach()]'
    """
    try:
        tree = ast.parse(" ".join(statement.split()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    given = next((given for _, _, given in stores_in(tree)), None)
    if given is None:
        return ""
    method, own = "item" if is_scalar else "detach", set(names)
    wanted = own | {f"self.{name}" for name in names}
    named = _Cutting(method, lambda node: dotted(node) in wanted)
    _replace(tree, given, named)
    if not named.count and named_only:
        return ""
    if not named.count:
        _replace(tree, given, _Cutting(method, _is_single))
    return ast.unparse(ast.fix_missing_locations(tree))


class _Cutting(ast.NodeTransformer):
    """Calls a method of the expressions that `is_wanted` says, and counts them."""

    def __init__(self, method: str, is_wanted: Callable[[ast.expr], bool]) -> None:
        self.count = 0
        self._method = method
        self._is_wanted = is_wanted

    def visit(self, node: ast.AST) -> Any:
        """Return what takes the place of a node."""
        if isinstance(node, ast.Attribute) and node.attr in CUTTING:
            return node
        if isinstance(node, ast.expr) and self._is_wanted(node):
            self.count += 1
            return _call(node, self._method)
        return self.generic_visit(node)


def _is_single(node: ast.expr) -> bool:
    return not isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.Starred)


def _call(node: ast.expr, method: str) -> ast.expr:
    return ast.Call(ast.Attribute(node, method, ast.Load()), [], [])


def _replace(tree: ast.AST, given: Sequence[ast.expr], cutting: _Cutting) -> None:
    """Let `cutting` change some expressions where they stand in a tree."""
    for node in list(ast.walk(tree)):
        for name, found in ast.iter_fields(node):
            if isinstance(found, list):
                found[:] = [cutting.visit(f) if f in given else f for f in found]
            elif found in given:
                setattr(node, name, cutting.visit(found))
