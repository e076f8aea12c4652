"""A graph as plain JSON-able data, and back, trusting nothing on the way back.

Separate from the file format, because what a graph consists of changes with the
model and not with the file. Ids are positions, so they are not written; fields that
have their default are left out; call frames and sites are tables, so a site that many
ops share is one object again after reading.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, Final

from graphscope.errors import RecordingError
from graphscope.model.calls import ModuleCall, ModuleParameter, TensorType
from graphscope.model.check import check_graph
from graphscope.model.cycles import find_cycles
from graphscope.model.forms import (
    BOOL,
    INT,
    INTS,
    MAYBE_BOOL,
    MAYBE_INT,
    MAYBE_INTS,
    MAYBE_TEXT,
    PAIR,
    SHAPE,
    SITE,
    TEXT,
    TEXTS,
    Form,
    MalformedError,
    Record,
    Tables,
    check_int,
    check_list,
    check_text,
    each,
    enum_form,
)
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
from graphscope.model.optimizers import HeldParameter, OptimizerRun
from graphscope.model.site import Frame, Site

_ARGUMENT: Final = Record(Argument, name=TEXT, value=MAYBE_INT, text=TEXT)
_EDGE: Final = Record(GradEdge, target=MAYBE_INT, output=INT, value=MAYBE_INT)
_TYPES: Final = Record(TensorType, shape=SHAPE, dtype=TEXT).many()
_OWNED: Final = Record(
    ModuleParameter,
    name=TEXT,
    shape=SHAPE,
    dtype=TEXT,
    requires_grad=BOOL,
    set_by=SITE,
)
_HELD: Final = Record(
    HeldParameter,
    name=TEXT,
    value=MAYBE_INT,
    shape=SHAPE,
    dtype=TEXT,
    requires_grad=BOOL,
    times=INT,
)
_PARTS: Final[Mapping[str, Form]] = {
    "values": Record(
        Value,
        "id",
        kind=enum_form(ValueKind),
        name=MAYBE_TEXT,
        op=MAYBE_INT,
        shape=SHAPE,
        dtype=TEXT,
        device=TEXT,
        requires_grad=BOOL,
        is_leaf=BOOL,
        version=INT,
        previous=MAYBE_INT,
        owner=MAYBE_INT,
        grad_node=MAYBE_INT,
        grad_output=INT,
        site=SITE,
        note=TEXT,
        also=TEXTS,
        class_name=TEXT,
        set_by=SITE,
    ).many(),
    "ops": Record(
        Op,
        "id",
        name=TEXT,
        target=TEXT,
        kind=enum_form(OpKind),
        arguments=_ARGUMENT.many(),
        outputs=INTS,
        scope=TEXT,
        site=SITE,
        cut=TEXT,
        grad_nodes=INTS,
        note=TEXT,
    ).many(),
    "grad_nodes": Record(
        GradNode,
        "id",
        name=TEXT,
        op=MAYBE_INT,
        outputs=MAYBE_INTS,
        edges=_EDGE.many(),
        leaf=MAYBE_INT,
    ).many(),
    "events": Record(
        Event,
        "index",
        kind=enum_form(EventKind),
        phase=enum_form(Phase),
        pass_index=INT,
        op=MAYBE_INT,
        grad_node=MAYBE_INT,
        values=INTS,
        slots=PAIR,
        site=SITE,
        label=TEXT,
    ).many(),
    "slots": Record(
        Slot,
        event=INT,
        role=enum_form(Role),
        value=MAYBE_INT,
        grad_node=MAYBE_INT,
        position=INT,
        shape=SHAPE,
        dtype=TEXT,
        label=TEXT,
    ).many(),
    "scopes": Record(Scope, path=TEXT, class_name=TEXT).many(),
    "roots": INTS,
    "gaps": Record(Gap, event=MAYBE_INT, reason=TEXT).many(),
    "calls": Record(
        ModuleCall,
        path=TEXT,
        class_name=TEXT,
        parent=MAYBE_INT,
        inputs=_TYPES,
        outputs=_TYPES,
        parameters=INTS,
        training=MAYBE_BOOL,
    ).many(),
    "parameters": _OWNED.many(),
    "optimizers": Record(
        OptimizerRun,
        event=INT,
        class_name=TEXT,
        parameters=_HELD.many(),
        made_by=SITE,
    ).many(),
}
_LATER: Final = frozenset({"calls", "parameters", "optimizers"})
"""Parts that the first files do not have; left out when empty."""


def graph_to_data(graph: Graph) -> dict[str, Any]:
    """Return `graph` as dicts, lists, texts, integers and truth values.

    >>> graph_to_data(Graph(scopes=(Scope("", "Net"),)))["scopes"]
    [{'path': '', 'class_name': 'Net'}]
    """
    tables = Tables()
    kept = [name for name in _PARTS if name not in _LATER or getattr(graph, name)]
    data = {name: _PARTS[name].encode(getattr(graph, name), tables) for name in kept}
    data["sites"] = [_site_row(site, tables) for site in tables.sites]
    data["frames"] = [[f.file, f.line, f.function] for f in tables.frames]
    return data


def _site_row(site: Site, tables: Tables) -> list[Any]:
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
    except MalformedError as reason:
        raise RecordingError(f"The graph is malformed: {reason}.") from None
    check_graph(graph)
    for violation in find_cycles(graph):
        raise RecordingError(f"The graph is not consistent: {violation}.")
    return graph


def _decode_graph(data: Any) -> Graph:
    parts = {*_PARTS, "sites", "frames"}
    if type(data) is not dict or data.keys() | _LATER != parts:
        raise MalformedError("it has other parts than a graph")
    frames = list(_decode_part("frames", data, _decode_frame))
    tables = Tables()
    tables.site_list = list(
        _decode_part("sites", data, partial(_decode_site_row, frames))
    )
    read = {}
    for name, form in _PARTS.items():
        if name not in data:
            continue
        try:
            read[name] = form.decode(data[name], tables)
        except MalformedError as reason:
            raise MalformedError(f"{name}{reason}") from None
    return Graph(**read)


def _decode_part(
    name: str, data: dict[str, Any], decode: Callable[[int, Any], Any]
) -> Iterator[Any]:
    try:
        yield from each(check_list(data[name]), decode)
    except MalformedError as reason:
        raise MalformedError(f"{name}{reason}") from None


def _decode_frame(_: int, row: Any) -> Frame:
    if len(check_list(row)) != len(fields(Frame)):
        raise MalformedError("is no frame")
    return Frame(check_text(row[0]), check_int(row[1]), check_text(row[2]))


def _decode_site_row(frames: Sequence[Frame], _: int, row: Any) -> Site:
    if len(check_list(row)) != len(fields(Site)):
        raise MalformedError("is no site")
    file, line, end_line, column, end_column, function, expression, stack = row
    places = [check_int(place) for place in check_list(stack)]
    if any(not 0 <= place < len(frames) for place in places):
        raise MalformedError(f"refers to a frame outside of {len(frames)}")
    return Site(
        file=check_text(file),
        line=check_int(line),
        end_line=check_int(end_line),
        column=check_int(column),
        end_column=check_int(end_column),
        function=check_text(function),
        expression=check_text(expression),
        stack=tuple(frames[place] for place in places),
    )
