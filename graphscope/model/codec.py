"""A graph as plain JSON-able data, and back, trusting nothing on the way back.

Separate from the file format, because what a graph consists of changes with the
model and not with the file. Ids are positions, so they are not written; fields that
have their default are left out; call frames and sites are tables, so a site that many
ops share is one object again after reading.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from functools import partial
from typing import Any, Final

from graphscope.errors import RecordingError
from graphscope.model.calls import ModuleCall, ModuleParameter, TensorType
from graphscope.model.check import check_graph
from graphscope.model.cycles import find_cycles
from graphscope.model.graph import (
    Argument,
    Event,
    EventKind,
    Gap,
    GradEdge,
    GradNode,
    Graph,
    Op,
    OpKind,
    Phase,
    Role,
    Scope,
    Slot,
    Value,
    ValueKind,
)
from graphscope.model.site import Frame, Site

MAX_ITEMS: Final = 2_000_000
"""Most entries of any one list in a graph."""
MAX_TEXT: Final = 1 << 20
"""Most characters of any one text in a graph."""
MAX_DIMS: Final = 64
"""Most axes of a shape, as in torch."""

_INT_LIMIT: Final = 1 << 63


class _MalformedError(Exception):
    """Data that is no graph; the text says where and why."""


@dataclass(slots=True)
class _Tables:
    """The sites and frames of one graph, each with its position."""

    frames: dict[Frame, int] = field(default_factory=dict)
    sites: dict[Site, int] = field(default_factory=dict)
    site_list: list[Site] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of field is written and read."""

    encode: Callable[[Any, _Tables], Any]
    decode: Callable[[Any, _Tables], Any]


def _plain(check: Callable[[Any], Any]) -> _Form:
    return _Form(lambda item, _: item, lambda item, _: check(item))


def _check_int(item: Any) -> int:
    if type(item) is not int or not -_INT_LIMIT <= item < _INT_LIMIT:
        raise _MalformedError("is not a 64-bit integer")
    return item


def _check_text(item: Any) -> str:
    if type(item) is not str or len(item) > MAX_TEXT:
        raise _MalformedError("is not a text, or too long")
    return item


def _check_bool(item: Any) -> bool:
    if type(item) is not bool:
        raise _MalformedError("is neither true nor false")
    return item


def _check_list(item: Any, most: int = MAX_ITEMS) -> list[Any]:
    if type(item) is not list or len(item) > most:
        raise _MalformedError("is not a list, or too long")
    return item


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda item: None if item is None else check(item)


def _row(
    check: Callable[[Any], Any], *, most: int = MAX_ITEMS, length: int | None = None
) -> _Form:
    def decode(item: Any, _: _Tables) -> tuple[Any, ...]:
        found = _check_list(item, most)
        if length is not None and len(found) != length:
            raise _MalformedError(f"has {len(found)} entries instead of {length}")
        return tuple(map(check, found))

    return _Form(lambda item, _: list(item), decode)


def _check_size(item: Any) -> int:
    if _check_int(item) < 0:
        raise _MalformedError("has a negative size")
    return int(item)


def _enum(kind: type[Enum]) -> _Form:
    members = {member.value: member for member in kind}
    plain = type(next(iter(members)))

    def decode(item: Any, _: _Tables) -> Enum:
        if type(item) is not plain or item not in members:
            raise _MalformedError(f"is no {kind.__name__}")
        return members[item]

    return _Form(lambda item, _: item.value, decode)


def _encode_site(site: Site | None, tables: _Tables) -> int | None:
    if site is None:
        return None
    return tables.sites.setdefault(site, len(tables.sites))


def _decode_site(item: Any, tables: _Tables) -> Site | None:
    if item is None:
        return None
    if not 0 <= _check_int(item) < len(tables.site_list):
        raise _MalformedError(f"refers to site {item} of {len(tables.site_list)}")
    return tables.site_list[int(item)]


_INT: Final = _plain(_check_int)
_MAYBE_INT: Final = _plain(_optional(_check_int))
_TEXT: Final = _plain(_check_text)
_TEXTS: Final = _row(_check_text)
_MAYBE_TEXT: Final = _plain(_optional(_check_text))
_BOOL: Final = _plain(_check_bool)
_INTS: Final = _row(_check_int)
_MAYBE_INTS: Final = _row(_optional(_check_int))
_SHAPE: Final = _row(_check_size, most=MAX_DIMS)
_PAIR: Final = _row(_check_int, length=2)
_SITE: Final = _Form(_encode_site, _decode_site)


class _Record:
    """The form of one dataclass: an object with its fields, defaults left out."""

    def __init__(self, dataclass_: type[Any], key: str = "", /, **forms: _Form) -> None:
        names = {entry.name for entry in fields(dataclass_)} - {key}
        if names != set(forms):
            raise TypeError(f"{dataclass_.__name__}: forms for {sorted(forms)}")
        self._kind = dataclass_
        self._key = key
        self._forms: Mapping[str, _Form] = forms
        self._defaults = {e.name: e.default for e in fields(dataclass_)}
        self._required = {n for n in names if self._defaults[n] is MISSING}

    def encode(self, item: Any, tables: _Tables) -> dict[str, Any]:
        """Write one object."""
        data = {}
        for name, form in self._forms.items():
            found = getattr(item, name)
            if found != self._defaults[name]:
                data[name] = form.encode(found, tables)
        return data

    def decode(self, item: Any, tables: _Tables, position: int = 0) -> Any:
        """Read one object, which stands at `position` of its list."""
        if type(item) is not dict:
            raise _MalformedError("is not an object")
        if not self._required <= item.keys():
            missing = sorted(self._required - item.keys())
            raise _MalformedError(f"lacks {missing[0]}")
        read: dict[str, Any] = {self._key: position} if self._key else {}
        for name, found in item.items():
            form = self._forms.get(name)
            if form is None:
                raise _MalformedError(f"has an unknown field {name[:40]!r}")
            try:
                read[name] = form.decode(found, tables)
            except _MalformedError as reason:
                raise _MalformedError(f".{name} {reason}") from None
        return self._kind(**read)

    def many(self) -> _Form:
        """Return the form of a tuple of such objects."""
        return _Form(
            lambda items, tables: [self.encode(item, tables) for item in items],
            self._decode_many,
        )

    def _decode_many(self, items: Any, tables: _Tables) -> tuple[Any, ...]:
        return tuple(_each(_check_list(items), partial(self._decode_at, tables)))

    def _decode_at(self, tables: _Tables, position: int, item: Any) -> Any:
        return self.decode(item, tables, position)


def _each(items: Iterable[Any], decode: Callable[[int, Any], Any]) -> Iterator[Any]:
    for position, item in enumerate(items):
        try:
            yield decode(position, item)
        except _MalformedError as reason:
            raise _MalformedError(f"[{position}] {reason}") from None


_ARGUMENT: Final = _Record(Argument, name=_TEXT, value=_MAYBE_INT, text=_TEXT)
_EDGE: Final = _Record(GradEdge, target=_MAYBE_INT, output=_INT, value=_MAYBE_INT)
_TYPES: Final = _Record(TensorType, shape=_SHAPE, dtype=_TEXT).many()
_OWNED: Final = _Record(
    ModuleParameter, name=_TEXT, shape=_SHAPE, dtype=_TEXT, requires_grad=_BOOL
)
_PARTS: Final[Mapping[str, _Form]] = {
    "values": _Record(
        Value,
        "id",
        kind=_enum(ValueKind),
        name=_MAYBE_TEXT,
        op=_MAYBE_INT,
        shape=_SHAPE,
        dtype=_TEXT,
        device=_TEXT,
        requires_grad=_BOOL,
        is_leaf=_BOOL,
        version=_INT,
        previous=_MAYBE_INT,
        owner=_MAYBE_INT,
        grad_node=_MAYBE_INT,
        grad_output=_INT,
        site=_SITE,
        note=_TEXT,
        also=_TEXTS,
        class_name=_TEXT,
    ).many(),
    "ops": _Record(
        Op,
        "id",
        name=_TEXT,
        target=_TEXT,
        kind=_enum(OpKind),
        arguments=_ARGUMENT.many(),
        outputs=_INTS,
        scope=_TEXT,
        site=_SITE,
        cut=_TEXT,
        grad_nodes=_INTS,
        note=_TEXT,
    ).many(),
    "grad_nodes": _Record(
        GradNode,
        "id",
        name=_TEXT,
        op=_MAYBE_INT,
        outputs=_MAYBE_INTS,
        edges=_EDGE.many(),
        leaf=_MAYBE_INT,
    ).many(),
    "events": _Record(
        Event,
        "index",
        kind=_enum(EventKind),
        phase=_enum(Phase),
        pass_index=_INT,
        op=_MAYBE_INT,
        grad_node=_MAYBE_INT,
        values=_INTS,
        slots=_PAIR,
        site=_SITE,
        label=_TEXT,
    ).many(),
    "slots": _Record(
        Slot,
        event=_INT,
        role=_enum(Role),
        value=_MAYBE_INT,
        grad_node=_MAYBE_INT,
        position=_INT,
        shape=_SHAPE,
        dtype=_TEXT,
        label=_TEXT,
    ).many(),
    "scopes": _Record(Scope, path=_TEXT, class_name=_TEXT).many(),
    "roots": _INTS,
    "gaps": _Record(Gap, event=_MAYBE_INT, reason=_TEXT).many(),
    "calls": _Record(
        ModuleCall,
        path=_TEXT,
        class_name=_TEXT,
        parent=_MAYBE_INT,
        inputs=_TYPES,
        outputs=_TYPES,
        parameters=_INTS,
    ).many(),
    "parameters": _OWNED.many(),
}
_LATER: Final = frozenset({"calls", "parameters"})
"""Parts that the first files do not have; left out when empty."""


def graph_to_data(graph: Graph) -> dict[str, Any]:
    """Return `graph` as dicts, lists, texts, integers and truth values.

    >>> graph_to_data(Graph(scopes=(Scope("", "Net"),)))["scopes"]
    [{'path': '', 'class_name': 'Net'}]
    """
    tables = _Tables()
    kept = [name for name in _PARTS if name not in _LATER or getattr(graph, name)]
    data = {name: _PARTS[name].encode(getattr(graph, name), tables) for name in kept}
    data["sites"] = [_site_row(site, tables) for site in tables.sites]
    data["frames"] = [[f.file, f.line, f.function] for f in tables.frames]
    return data


def _site_row(site: Site, tables: _Tables) -> list[Any]:
    frames = [tables.frames.setdefault(f, len(tables.frames)) for f in site.stack]
    span = [site.line, site.end_line, site.column, site.end_column]
    return [site.file, *span, site.function, site.expression, frames]


def graph_from_data(data: Any) -> Graph:
    """Return the graph that `graph_to_data` wrote as `data`.

    Raises:
        RecordingError: `data` is no graph, or one that breaks an invariant.
    """
    try:
        graph = _decode_graph(data)
    except _MalformedError as reason:
        raise RecordingError(f"The graph is malformed: {reason}.") from None
    check_graph(graph)
    for violation in find_cycles(graph):
        raise RecordingError(f"The graph is not consistent: {violation}.")
    return graph


def _decode_graph(data: Any) -> Graph:
    parts = {*_PARTS, "sites", "frames"}
    if type(data) is not dict or data.keys() | _LATER != parts:
        raise _MalformedError("it has other parts than a graph")
    frames = list(_decode_part("frames", data, _decode_frame))
    tables = _Tables()
    tables.site_list = list(
        _decode_part("sites", data, partial(_decode_site_row, frames))
    )
    read = {}
    for name, form in _PARTS.items():
        if name not in data:
            continue
        try:
            read[name] = form.decode(data[name], tables)
        except _MalformedError as reason:
            raise _MalformedError(f"{name}{reason}") from None
    return Graph(**read)


def _decode_part(
    name: str, data: dict[str, Any], decode: Callable[[int, Any], Any]
) -> Iterator[Any]:
    try:
        yield from _each(_check_list(data[name]), decode)
    except _MalformedError as reason:
        raise _MalformedError(f"{name}{reason}") from None


def _decode_frame(_: int, row: Any) -> Frame:
    if len(_check_list(row)) != len(fields(Frame)):
        raise _MalformedError("is no frame")
    return Frame(_check_text(row[0]), _check_int(row[1]), _check_text(row[2]))


def _decode_site_row(frames: Sequence[Frame], _: int, row: Any) -> Site:
    if len(_check_list(row)) != len(fields(Site)):
        raise _MalformedError("is no site")
    file, line, end_line, column, end_column, function, expression, stack = row
    places = [_check_int(place) for place in _check_list(stack)]
    if any(not 0 <= place < len(frames) for place in places):
        raise _MalformedError(f"refers to a frame outside of {len(frames)}")
    return Site(
        file=_check_text(file),
        line=_check_int(line),
        end_line=_check_int(end_line),
        column=_check_int(column),
        end_column=_check_int(end_column),
        function=_check_text(function),
        expression=_check_text(expression),
        stack=tuple(frames[place] for place in places),
    )
