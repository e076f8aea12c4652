"""Where in a recording each of an example's numbers stands, as short expressions.

`demos/data/readings/TOPIC.toml` holds them, one table for each example:

    [d4-autograd-z14]
    z = "z"                    # the value called z, in the last step
    dz_dx = "x.grad"
    loss_99 = "loss @ 99"      # in step 99
    loss = "loss @ every(10)"  # in steps 0, 10, 20, …
    grads = "all(w.grad_after)"

The expressions look like Python and are parsed as such, but only what stands in this
file is ever evaluated: names of values (in quotes when they have dots), the attributes
of `_ATTRIBUTES`, the functions of `_FUNCTIONS`, arithmetic, comparisons, indices, lists
and `@` for "in step".
"""

import ast
import operator
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from graphscope.errors import GraphscopeError
from graphscope.lectures.running import Run
from graphscope.model.graph import Role
from graphscope.model.view import ValueView
from graphscope.session.steps import TracedStep

_FOLDER: Final = Path("data") / "readings"


class ReadingError(GraphscopeError):
    """A reading that cannot be parsed, or asks for what was not recorded."""


def load_readings(folder: Path, topic: str) -> dict[str, dict[str, str]]:
    """Read the readings of a topic: example id -> name of a result -> expression."""
    path = folder / _FOLDER / f"{topic}.toml"
    if not path.exists():
        return {}
    return tomllib.loads(path.read_text("utf-8"))


def evaluate_reading(expression: str, run: Run) -> Any:
    """Look up what an expression says in what was recorded of a run.

    Returns:
        A number, a string, a bool, None, or nested lists of them.

    Raises:
        ReadingError: The expression is wrong, or the number was not recorded.
    """
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError as problem:
        raise ReadingError(f"{expression!r} is no reading: {problem.msg}.") from None
    try:
        return _plain(_Reader(run, len(run.steps) - 1).read(tree))
    except (GraphscopeError, TypeError, ValueError, IndexError) as problem:
        raise ReadingError(f"{expression!r} cannot be read: {problem}") from problem


def _plain(found: Any) -> Any:
    if isinstance(found, ValueView):
        return _plain(found.value)
    if isinstance(found, np.ndarray | np.generic):
        return found.tolist()
    if isinstance(found, list | tuple):
        return [_plain(item) for item in found]
    return found


def _array(found: Any) -> Any:
    plain = _plain(found)
    return np.asarray(plain) if isinstance(plain, list) else plain


def _grad_fn(view: ValueView) -> str | None:
    """Return what torch calls the value's `grad_fn`; leaves have none."""
    node = view.grad_node
    return None if node is None or view.record.is_leaf else node.name


def _grad_history(view: ValueView) -> list[Any]:
    """Return a leaf's `.grad` after whatever changed it: a backward, a zeroing."""
    slots = view.trace.slots_of(view.record.id, Role.AFTER)
    seen = [view.trace.seen(slot) for slot in slots]
    if any(one is not None and one.data is None for one in seen):
        raise ReadingError(f".grad of {view.name!r} was not kept whole.")
    return [None if one is None else one.data for one in seen]


_ATTRIBUTES: Final[Mapping[str, Callable[[ValueView], Any]]] = {
    "value": lambda view: view.value,
    "grad": lambda view: view.grad,
    "arrived": lambda view: view.arrived,
    "grad_before": lambda view: view.grad_before,
    "grad_after": lambda view: view.grad_after,
    "grad_history": _grad_history,
    "updated": lambda view: view.updated,
    "local": lambda view: view.local,
    "shape": lambda view: list(view.shape),
    "dtype": lambda view: f"torch.{view.dtype}",
    "numel": lambda view: int(np.prod(view.shape)),
    "grad_fn": _grad_fn,
    "requires_grad": lambda view: view.record.requires_grad,
    "is_leaf": lambda view: view.record.is_leaf,
    "version": lambda view: view.record.version,
    "uses": lambda view: len(view.trace.graph.consumers.get(view.record.id, ())),
    "stats": lambda view: view.stats,
    "min": lambda view: None if view.stats is None else view.stats.minimum,
    "max": lambda view: None if view.stats is None else view.stats.maximum,
    "mean": lambda view: None if view.stats is None else view.stats.mean,
}

_UNARY: Final[Mapping[type, Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}

_BINARY: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

_COMPARISONS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Eq: lambda one, other: bool(np.array_equal(_array(one), _array(other))),
    ast.NotEq: lambda one, other: not np.array_equal(_array(one), _array(other)),
    ast.Lt: lambda one, other: bool(np.all(_array(one) < _array(other))),
    ast.LtE: lambda one, other: bool(np.all(_array(one) <= _array(other))),
    ast.Gt: lambda one, other: bool(np.all(_array(one) > _array(other))),
    ast.GtE: lambda one, other: bool(np.all(_array(one) >= _array(other))),
}

_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "isnan": lambda found: bool(np.all(np.isnan(_array(found)))),
    "isinf": lambda found: bool(np.all(np.isinf(_array(found)))),
    "len": lambda found: len(_plain(found)),
    "max": lambda found: np.max(_array(found)).item(),
    "min": lambda found: np.min(_array(found)).item(),
    "sum": lambda found: np.sum(_array(found)).item(),
    "abs": lambda found: np.abs(_array(found)),
    "bool": lambda found: _array(found).astype(bool),
    "int": lambda found: np.asarray(_array(found)).astype(int),
    "flat": lambda found: np.ravel(_array(found)),
    "diagonal": lambda found: np.diagonal(_array(found)),
    "unique": lambda found: np.unique(_array(found)),
    "round": lambda found, digits: np.round(_array(found), digits),
    "column": lambda found, index: np.asarray(_array(found))[:, index],
    "str": str,
}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Evaluates expressions about one step of a run."""

    run: Run
    step: int

    def read(self, node: ast.expr) -> Any:
        method: Callable[[Any, Any], Any] | None = _NODES.get(type(node))
        if method is None:
            raise ReadingError(f"{ast.unparse(node)!r} is nothing that can be read.")
        return method(self, node)

    @property
    def traced(self) -> TracedStep:
        if not len(self.run.steps):
            raise ReadingError("nothing was recorded.")
        return self.run.steps[self.step]

    def name(self, node: ast.Name) -> Any:
        fact = _FACTS.get(node.id)
        return self.traced[node.id] if fact is None else fact(self)

    def constant(self, node: ast.Constant) -> Any:
        """Return a number, or the value whose dotted name stands in quotes."""
        name = node.value
        return self.traced[name] if isinstance(name, str) else name

    def attribute(self, node: ast.Attribute) -> Any:
        owner = self.read(node.value)
        attributes = _ATTRIBUTES if isinstance(owner, ValueView) else {}
        if isinstance(owner, Mapping | _Summary):
            return owner[node.attr]
        if node.attr not in attributes:
            raise ReadingError(f"there is no attribute {node.attr!r}.")
        return attributes[node.attr](owner)

    def binary(self, node: ast.BinOp) -> Any:
        if isinstance(node.op, ast.MatMult):
            return self.at(node)
        function = _BINARY.get(type(node.op))
        if function is None:
            raise ReadingError(f"{ast.unparse(node)!r} is nothing that can be read.")
        return function(_array(self.read(node.left)), _array(self.read(node.right)))

    def at(self, node: ast.BinOp) -> Any:
        """Read the left side in the step, or in each of the steps, on the right."""
        steps = _plain(self.read(node.right))
        if isinstance(steps, int):
            return self.in_step(steps).read(node.left)
        return [_plain(self.in_step(step).read(node.left)) for step in steps]

    def in_step(self, step: int) -> "_Reader":
        count = len(self.run.steps)
        return replace(self, step=step if step >= 0 else count + step)

    def unary(self, node: ast.UnaryOp) -> Any:
        operand = _array(self.read(node.operand))
        function = _UNARY.get(type(node.op))
        if function is None:
            raise ReadingError(f"{ast.unparse(node)!r} is nothing that can be read.")
        return function(operand)

    def compare(self, node: ast.Compare) -> Any:
        if len(node.ops) != 1:
            raise ReadingError("only two things can be compared.")
        function = _COMPARISONS.get(type(node.ops[0]))
        if function is None:
            raise ReadingError(f"{ast.unparse(node)!r} is nothing that can be read.")
        return function(self.read(node.left), self.read(node.comparators[0]))

    def items(self, node: ast.List | ast.Tuple) -> list[Any]:
        return [_plain(self.read(item)) for item in node.elts]

    def subscript(self, node: ast.Subscript) -> Any:
        owner = self.read(node.value)
        if isinstance(owner, Mapping):
            key = node.slice
            return owner[key.value if isinstance(key, ast.Constant) else ""]
        return _array(owner)[self._index(node.slice)]

    def _index(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            return slice(*(None if p is None else self.read(p) for p in parts))
        if isinstance(node, ast.Tuple):
            return tuple(self._index(item) for item in node.elts)
        return self.read(node)

    def call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise ReadingError(f"{ast.unparse(node)!r} is nothing that can be read.")
        name = node.func.id
        if name == "all":
            return self._all(node.args[0])
        if name == "startswith":
            return self._startswith(*node.args)
        arguments = [self.read(argument) for argument in node.args]
        if name == "every":
            return list(range(0, len(self.run.steps), *arguments))
        if name == "range":
            return list(range(*arguments))
        if name not in _FUNCTIONS:
            raise ReadingError(f"there is no function {name!r}.")
        return _FUNCTIONS[name](*arguments)

    def _startswith(self, node: ast.expr, start: ast.expr) -> bool:
        """Whether a text, such as the error's message, begins with a text in quotes."""
        if not isinstance(start, ast.Constant) or not isinstance(start.value, str):
            raise ReadingError("startswith(…) takes a text and a text in quotes.")
        return str(self.read(node)).startswith(start.value)

    def _all(self, node: ast.expr) -> list[Any]:
        """Read a name, or an attribute of it, for each of the values called so."""
        owner = node.value if isinstance(node, ast.Attribute) else node
        if isinstance(owner, ast.Name):
            name = owner.id
        elif isinstance(owner, ast.Constant) and isinstance(owner.value, str):
            name = owner.value
        else:
            raise ReadingError("all(…) takes a name, or an attribute of one.")
        views: Sequence[Any] = self.traced.all(name)
        if isinstance(node, ast.Attribute):
            views = [_ATTRIBUTES[node.attr](view) for view in views]
        return [_plain(view) for view in views]


class _Summary:
    """The model summary of a step, by the names that readings use."""

    def __init__(self, reader: _Reader) -> None:
        self._summary: Any = reader.traced.summary()

    def __getitem__(self, name: str) -> Any:
        if name == "rows":
            return [[r.label, r.shape_text, r.parameters] for r in self._summary.rows]
        return getattr(self._summary, name)


def _error_of(reader: _Reader) -> str:
    return reader.run.error


_FACTS: Final[Mapping[str, Callable[[_Reader], Any]]] = {
    "steps": lambda reader: len(reader.run.steps),
    "error": _error_of,
    "error_type": lambda reader: reader.run.error.partition(": ")[0],
    "error_message": lambda reader: reader.run.error.partition(": ")[2],
    "returned": lambda reader: reader.run.returned,
    "summary": _Summary,
    "nodes": lambda reader: [n.name for n in reader.traced.trace.graph.grad_nodes],
    "scopes": lambda reader: [s.path for s in reader.traced.trace.graph.scopes],
}
"""What can be read besides values; values of these names stand in quotes."""

_NODES: Final[Mapping[type, Callable[[_Reader, Any], Any]]] = {
    ast.Name: _Reader.name,
    ast.Constant: _Reader.constant,
    ast.Attribute: _Reader.attribute,
    ast.BinOp: _Reader.binary,
    ast.UnaryOp: _Reader.unary,
    ast.Compare: _Reader.compare,
    ast.List: _Reader.items,
    ast.Tuple: _Reader.items,
    ast.Subscript: _Reader.subscript,
    ast.Call: _Reader.call,
}
