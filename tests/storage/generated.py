"""Strategies for graphs and traces: odd in every way, but consistent."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from graphscope.model.calls import ModuleCall, ModuleParameter, TensorType
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
from graphscope.model.kept import Hold, Holder, KeptGraph
from graphscope.model.observation import Observation, Stats
from graphscope.model.optimizers import HeldParameter, OptimizerRun
from graphscope.model.site import Frame, Site
from graphscope.model.trace import Status, Trace
from graphscope.storage.layout import stored_dtype

Draw = st.DrawFn

TEXTS = st.text(st.characters(), max_size=6) | st.sampled_from(
    ["", "\x00", "\x1b[31m", "[@click=app.quit]", "[/]", "\ud83d\ude00", "]", '"\\N']
)
INT64 = st.integers(-(2**63), 2**63 - 1)
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
HUGE_SHAPES = SHAPES | st.just((2**40, 2**40))
SLOT_DTYPES = st.sampled_from(
    [
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
        *("bfloat16", "float8_e4m3fn", "float8_e5m2fnuz", "quint8", ""),
    ]
)
DATA_DTYPES = st.sampled_from(
    [*"?bhilqBHILQefdgFDG", ">i4", ">f8", ">c16", "<f4"],
).map(np.dtype)
FRAMES = st.builds(Frame, TEXTS, INT64, TEXTS)
SITES = st.builds(
    Site,
    *(TEXTS, INT64, INT64, INT64, INT64, TEXTS, TEXTS),
    st.lists(FRAMES, max_size=2).map(tuple),
)
MAYBE_SITE = st.none() | SITES
STATS = st.builds(
    Stats,
    INT64,
    *[st.floats(allow_nan=True, allow_infinity=True)] * 5,
    *[INT64] * 3,
)


def _maybe_below(count: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, count - 1) if count else st.none()


def _ids(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    if not count:
        return st.just(())
    return st.lists(st.integers(0, count - 1), max_size=3).map(tuple)


@st.composite
def _values(draw: Draw, count: int, ops: int, nodes: int) -> tuple[Value, ...]:
    return tuple(
        Value(
            id=i,
            kind=draw(st.sampled_from(ValueKind)),
            name=draw(st.none() | TEXTS),
            op=draw(_maybe_below(ops)),
            shape=draw(HUGE_SHAPES),
            dtype=draw(SLOT_DTYPES),
            device=draw(TEXTS | st.just("cpu")),
            requires_grad=draw(st.booleans()),
            is_leaf=draw(st.booleans()),
            version=draw(INT64),
            previous=draw(_maybe_below(i)),
            owner=draw(_maybe_below(count)),
            grad_node=draw(_maybe_below(nodes)),
            grad_output=draw(INT64),
            site=draw(MAYBE_SITE),
            note=draw(TEXTS),
            set_by=draw(MAYBE_SITE),
        )
        for i in range(count)
    )


@st.composite
def _op(draw: Draw, op: int, values: tuple[Value, ...], nodes: int) -> Op:
    earlier = [v.id for v in values if v.op is None or v.op < op]
    value = st.none() | st.sampled_from(earlier) if earlier else st.none()
    arguments = st.lists(st.builds(Argument, TEXTS, value, TEXTS), max_size=3)
    return Op(
        id=op,
        name=draw(TEXTS),
        target=draw(TEXTS),
        kind=draw(st.sampled_from(OpKind)),
        arguments=tuple(draw(arguments)),
        outputs=draw(_ids(len(values))),
        scope=draw(TEXTS),
        site=draw(MAYBE_SITE),
        cut=draw(TEXTS),
        grad_nodes=draw(_ids(nodes)),
        note=draw(TEXTS),
    )


@st.composite
def _grad_node(draw: Draw, node: int, nodes: int, values: int, ops: int) -> GradNode:
    target = st.none() | st.integers(node + 1, nodes - 1)
    edge = st.builds(
        GradEdge,
        target if node + 1 < nodes else st.none(),
        INT64,
        _maybe_below(values),
    )
    return GradNode(
        id=node,
        name=draw(TEXTS),
        op=draw(_maybe_below(ops)),
        outputs=tuple(draw(st.lists(_maybe_below(values), max_size=2))),
        edges=tuple(draw(st.lists(edge, max_size=2))),
        leaf=draw(_maybe_below(values)),
    )


@st.composite
def graphs(draw: Draw) -> Graph:
    """Draw a graph that holds every invariant and makes no further sense."""
    counts = st.integers(0, 3)
    n_values, n_ops, n_nodes, n_events = (draw(counts) for _ in range(4))
    values = draw(_values(n_values, n_ops, n_nodes))
    slots: list[Slot] = []
    events: list[Event] = []
    for index in range(n_events):
        start = len(slots)
        slot = st.builds(
            Slot,
            st.just(index),
            st.sampled_from(Role),
            _maybe_below(n_values),
            _maybe_below(n_nodes),
            INT64,
            HUGE_SHAPES,
            SLOT_DTYPES,
            TEXTS,
        )
        slots += draw(st.lists(slot, max_size=4))
        events.append(
            Event(
                index,
                draw(st.sampled_from(EventKind)),
                draw(st.sampled_from(Phase)),
                draw(INT64),
                draw(_maybe_below(n_ops)),
                draw(_maybe_below(n_nodes)),
                draw(_ids(n_values)),
                (start, len(slots)),
                draw(MAYBE_SITE),
                draw(TEXTS),
            )
        )
    parameters = draw(st.lists(PARAMETERS, max_size=2))
    return Graph(
        values=values,
        ops=tuple(draw(_op(i, values, n_nodes)) for i in range(n_ops)),
        grad_nodes=tuple(
            draw(_grad_node(i, n_nodes, n_values, n_ops)) for i in range(n_nodes)
        ),
        events=tuple(events),
        slots=tuple(slots),
        scopes=tuple(draw(st.lists(st.builds(Scope, TEXTS, TEXTS), max_size=2))),
        roots=draw(_ids(n_values)),
        gaps=tuple(
            draw(st.lists(st.builds(Gap, _maybe_below(n_events), TEXTS), max_size=2))
        ),
        calls=tuple(
            draw(_call(i, len(parameters))) for i in range(draw(st.integers(0, 3)))
        ),
        parameters=tuple(parameters),
        optimizers=tuple(draw(_optimizer_runs(n_events, n_values))),
    )


PARAMETERS = st.builds(
    ModuleParameter, TEXTS, HUGE_SHAPES, TEXTS, st.booleans(), MAYBE_SITE
)
TYPES = st.lists(st.builds(TensorType, HUGE_SHAPES, TEXTS), max_size=2).map(tuple)


def _call(position: int, parameters: int) -> st.SearchStrategy[ModuleCall]:
    owned = _ids(parameters)
    return st.builds(
        ModuleCall,
        TEXTS,
        TEXTS,
        _maybe_below(position),
        TYPES,
        TYPES,
        owned,
        st.none() | st.booleans(),
    )


def _optimizer_runs(events: int, values: int) -> st.SearchStrategy[list[OptimizerRun]]:
    held = st.builds(
        HeldParameter,
        TEXTS,
        _maybe_below(values),
        HUGE_SHAPES,
        TEXTS,
        st.booleans(),
        INT64,
    )
    held_ones = st.lists(held, max_size=2).map(tuple)
    if not events:
        return st.just([])
    event = st.integers(0, events - 1)
    run = st.builds(OptimizerRun, event, TEXTS, held_ones, MAYBE_SITE)
    return st.lists(run, max_size=2)


def _arrays(dtype: Any, shape: Any) -> st.SearchStrategy[Observation]:
    # Random bits, so that NaN payloads, −0.0, subnormals and Inf all occur.
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.kind == "b":
        return npst.arrays(dtype, shape).map(Observation)
    return st.binary(min_size=size, max_size=size).map(
        lambda raw: Observation(np.ndarray(shape, dtype, raw))
    )


def _transpose(seen: Observation) -> Observation:
    return Observation(None if seen.data is None else seen.data.T)


def observations(slot: Slot) -> st.SearchStrategy[Observation | None]:
    """Draw anything that may be seen in `slot`, fitting it or not."""
    other = st.tuples(DATA_DTYPES, SHAPES).flatmap(lambda pair: _arrays(*pair))
    both = st.builds(lambda seen, stats: Observation(seen.data, stats), other, STATS)
    options: list[st.SearchStrategy[Any]] = [
        st.none(),
        st.just(Observation()),
        STATS.map(lambda stats: Observation(summary=stats)),
        other,
        other.map(_transpose),
        both,
    ]
    dtype = stored_dtype(slot.dtype)
    if dtype is not None and max(slot.shape, default=0) < 2**10:
        options += [_arrays(dtype, slot.shape)] * 3
    return st.one_of(options)


HOLDERS = st.builds(Holder, TEXTS, TEXTS, TEXTS, TEXTS, INT64, TEXTS)
ROW = st.lists(INT64, max_size=3).map(tuple)
KEPT = st.builds(
    KeptGraph,
    TEXTS,
    MAYBE_SITE,
    INT64,
    ROW,
    ROW,
    INT64,
    st.sampled_from(Hold),
    st.lists(HOLDERS, max_size=2).map(tuple),
)


@st.composite
def traces(draw: Draw) -> Trace:
    """Draw one step with its numbers."""
    graph = draw(graphs())
    return Trace(
        graph=graph,
        step=draw(INT64),
        observations=tuple(draw(observations(slot)) for slot in graph.slots),
        status=draw(st.sampled_from(Status)),
        error=draw(TEXTS),
        sources=draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
        kept=tuple(draw(st.lists(KEPT, max_size=2))),
    )
