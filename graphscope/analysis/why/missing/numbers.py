"""How numbers that left torch came back: `.item()`, `.numpy()`, a tensor made anew.

The recording has what was taken out and what was made, but nothing of what Python did
in between. A way from one to the other is followed by the user's names, and only where
the source says so: the assignment that got the number, the call that reads the name.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.source import Source, dotted, source_of
from graphscope.analysis.why.missing.bindings import Place, made_of
from graphscope.model.graph import Argument, Op, OpKind, Value, ValueKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_FROM_NUMBERS: Final = frozenset(
    {"tensor", "as_tensor", "from_numpy", "full", "full_like", "new_tensor"}
    | {"scalar_tensor", "asarray"}
)
_MADE_UNSEEN: Final = frozenset(
    {"from_numpy", "Tensor", "FloatTensor", "DoubleTensor", "LongTensor", "Variable"}
    | {"Parameter"}
)
_MOST_STEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Return:
    """Numbers that came back.

    Attributes:
        source: Id of the value that they were taken from.
        target: Id of the value that they came back in.
        op: Id of the op that took them out, None where torch saw none.
        name: The variable by which they were followed; empty where the one expression
            is inside the other.
        site: What made a new tensor of them, where torch saw nothing.
    """

    source: int
    target: int
    op: int | None
    name: str = ""
    site: Site | None = None


def find_returns(trace: Trace) -> Iterator[Return]:
    """Yield the ways on which numbers left torch and came back into it."""
    finder = _Finder(trace)
    seen: set[int] = set()
    for op in trace.graph.ops:
        if op.kind is OpKind.CREATE and plain_name(op) in _FROM_NUMBERS:
            yield from finder.into_new(op)
        elif op.kind in (OpKind.COMPUTE, OpKind.UPDATE) and op.outputs:
            for argument in op.arguments:
                yield from finder.into_argument(op, argument, seen)
    for root in trace.graph.roots:
        if root not in seen:
            yield from finder.into_root(root)


@dataclass(frozen=True, eq=False)
class _Finder:
    """Looks in one step.

    Attributes:
        trace: The step.
    """

    trace: Trace

    @cached_property
    def owned(self) -> frozenset[str]:
        """Names of what modules own: nobody has made it of numbers."""
        return frozenset(p.name for p in self.trace.graph.parameters)

    @cached_property
    def ops_in(self) -> dict[tuple[str, str], list[Op]]:
        """File and function -> the ops of this very function."""
        found: defaultdict[tuple[str, str], list[Op]] = defaultdict(list)
        for op in self.trace.graph.ops:
            if op.site is not None and op.site.column >= 0:
                found[op.site.file, op.site.function].append(op)
        return found

    @cached_property
    def has_readouts(self) -> bool:
        """Whether any number was taken out."""
        return any(op.kind is OpKind.READOUT for op in self.trace.graph.ops)

    def into_new(self, op: Op) -> Iterator[Return]:
        """Follow what a tensor was made of: the numbers in `torch.tensor(numbers)`."""
        if op.site is None or not op.outputs:
            return
        reader = self._reader(op.site, op.outputs[0], until=op.id)
        call = None if reader is None else _node_at(reader, op.site)
        if reader is None or not isinstance(call, ast.Call):
            return
        if _last_name(call.func) == op.name:
            for argument in call.args:
                yield from reader.given(argument, _MOST_STEPS, "")

    def into_argument(
        self, op: Op, argument: Argument, seen: set[int]
    ) -> Iterator[Return]:
        """Follow a number that an op reads, or a tensor nobody saw being made."""
        if argument.value is None or argument.value in seen or op.site is None:
            return
        value = self.trace.graph.values[argument.value]
        if not self._is_from_outside(value):
            return
        seen.add(value.id)
        is_number = value.kind is ValueKind.CONSTANT
        target = op.outputs[0] if is_number else value.id
        reader = self._reader(op.site, target, until=op.id)
        if reader is None:
            return
        if value.name is not None and value.name.replace(".", "").isidentifier():
            yield from reader.held(value.name, _MOST_STEPS)
        if is_number:
            yield from reader.read_out_in(op.site)
        elif value.name is None:
            yield from reader.made_in(op.site)

    def into_root(self, root: int) -> Iterator[Return]:
        """Follow what a loss was made of that came from nowhere."""
        graph = self.trace.graph
        value = graph.values[root]
        backward = graph.first_backward
        site = graph.events[backward].site if backward >= 0 else value.site
        if not self._is_from_outside(value) or site is None:
            return
        name = value.name or receiver_at(self.trace, site)
        reader = self._reader(site, root, until=len(graph.ops))
        if reader is not None and name is not None:
            yield from reader.held(name, _MOST_STEPS)

    def _is_from_outside(self, value: Value) -> bool:
        """Whether a value came from where nothing is recorded."""
        if value.op is not None or value.previous is not None:
            return False
        if value.kind is ValueKind.CONSTANT:
            return self.has_readouts
        kinds = (ValueKind.INPUT, ValueKind.PARAMETER)
        return value.kind in kinds and value.name not in self.owned

    def _reader(self, site: Site, target: int, *, until: int) -> "_Reader | None":
        source = source_of(self.trace.sources, site.file)
        function = None if source is None else source.enclosing(site)
        if source is None or function is None:
            return None
        ops = [o for o in self.ops_in[site.file, site.function] if o.id < until]
        place = (site.line, max(site.column, 0))
        return _Reader(self.trace, source, function, ops, target, place)


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads the expressions of one function, for what came back in one value.

    Attributes:
        trace: The step.
        source: The file.
        function: The function's node.
        ops: The ops of this very function that ran before.
        target: The value; what is older can be in it.
        place: Where it is used.
        asked: The variables that were looked at.
    """

    trace: Trace
    source: Source
    function: ast.AST
    ops: Sequence[Op]
    target: int
    place: Place
    asked: set[tuple[str, Place]] = field(default_factory=set)

    def held(self, name: str, steps: int) -> Iterator[Return]:
        """Yield what the numbers that a variable holds were taken from."""
        if (name, self.place) in self.asked or steps == 0:
            return
        self.asked.add((name, self.place))
        for expression in made_of(self.source, self.function, name, self.place):
            # `h = smooth(h)` is made of what the name meant before that statement.
            before = replace(self, place=self._begin_of(expression))
            yield from before.given(expression, steps - 1, name)

    def _begin_of(self, expression: ast.expr) -> Place:
        above = self.source.above(expression)
        statement = next((a for a in above if isinstance(a, ast.stmt)), expression)
        return self.source.spans(statement)[0]

    def given(self, expression: ast.expr, steps: int, name: str) -> Iterator[Return]:
        """Yield the values whose numbers are in an expression."""
        inside = [op for op in self.ops if self._is_inside(op.site, expression)]
        read = {value for op in inside for value in op.inputs}
        site = self.source.site_of(expression)
        for op in inside:
            yield from self._taken_by(op, read, name, site)
        for node in ast.walk(expression):
            text = dotted(node)
            if text is not None and not any(
                self._covers(op.site, node) for op in inside
            ):
                yield from self._named(text.removeprefix("self."), steps, site)

    def read_out_in(self, site: Site) -> Iterator[Return]:
        """Yield what was taken out inside of an expression itself."""
        for op in self.ops:
            if op.kind is OpKind.READOUT and op.inputs and _encloses(site, op.site):
                yield Return(op.inputs[0], self.target, op.id)

    def made_in(self, site: Site) -> Iterator[Return]:
        """Yield what a tensor was made of inside of the call that reads it."""
        call = _node_at(self, site)
        for node in ast.walk(call) if call is not None else ():
            if isinstance(node, ast.Call) and _last_name(node.func) in _MADE_UNSEEN:
                for argument in node.args:
                    yield from self.given(argument, _MOST_STEPS, "")

    def _named(self, name: str, steps: int, site: Site) -> Iterator[Return]:
        values = self.trace.graph.values
        made = list(self.held(name, steps))
        ids = [
            i
            for i in self.trace.graph.names.get(name, ())
            if i < self.target and values[i].kind is not ValueKind.GRADIENT
        ]
        if made or not ids:
            yield from made
        else:
            yield Return(ids[-1], self.target, None, name, site)

    def _taken_by(
        self, op: Op, read: set[int], name: str, site: Site
    ) -> Iterator[Return]:
        if op.kind is OpKind.READOUT:
            yield from (Return(v, self.target, op.id, name) for v in op.inputs[:1])
            return
        for value in op.outputs:
            if value not in read and value < self.target:
                yield Return(value, self.target, None, name, site)

    def _is_inside(self, site: Site | None, node: ast.AST) -> bool:
        if site is None:
            return False
        first, last = self.source.spans(node)
        begin, end = _span(site)
        return first <= begin and end <= last

    def _covers(self, site: Site | None, node: ast.AST) -> bool:
        if site is None:
            return False
        first, last = self.source.spans(node)
        begin, end = _span(site)
        return begin <= first and last <= end


def receiver_at(trace: Trace, site: Site) -> str | None:
    """Return what `backward()` was called on at a line."""
    source = source_of(trace.sources, site.file)
    if source is None:
        return None
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="backward")):
                if node.lineno == site.line:
                    return dotted(owner)
    return None


def _node_at(reader: _Reader, site: Site) -> ast.AST | None:
    for node in ast.walk(reader.function):
        if isinstance(node, ast.expr) and reader.source.spans(node) == _span(site):
            return node
    return None


def _last_name(function: ast.expr) -> str:
    """Return the last name of what is called: `tensor` of `torch.tensor`."""
    return (dotted(function) or "").rpartition(".")[2]


def _span(site: Site) -> tuple[Place, Place]:
    return (site.line, site.column), (site.end_line, site.end_column)


def _encloses(outer: Site, inner: Site | None) -> bool:
    if inner is None:
        return False
    first, last = _span(outer)
    begin, end = _span(inner)
    return first <= begin and end <= last
