"""What the panes say, line by line, at moments of the logistic step."""

from dataclasses import replace

import numpy as np

from graphscope.diagram.model import Style
from graphscope.model.graph import (
    Event,
    EventKind,
    Gap,
    Graph,
    Phase,
    Role,
    Slot,
    Value,
    ValueKind,
)
from graphscope.model.observation import Observation, Stats
from graphscope.model.trace import Trace
from graphscope.tui.inspector import History, inspect_node
from graphscope.tui.lines import Tone
from graphscope.tui.moment import Moment
from graphscope.tui.outline import build_outline
from graphscope.tui.rail_view import RailPicture, choose_columns
from graphscope.tui.source import find_focus, show_source
from tests.samples import logistic_graph, logistic_trace
from tests.tui.steps import with_readout, zeroed_after_the_update

W_1, U, B, Z = 1, 2, 3, 4  # rows of the outline; values have other ids only after z
LAST = 11


def inspect(trace: Trace, event: int, node: int, width: int = 60) -> list[str]:
    outline = build_outline(trace.graph)
    moment = Moment(trace, event)
    history = History([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    picture = inspect_node(moment, outline.nodes[node], width=width, history=history)
    return [line.text.rstrip() for line in picture.lines]


def rail(trace: Trace, event: int, style: Style = Style.OPERATIONS) -> list[str]:
    outline, moment = build_outline(trace.graph), Moment(trace, event)
    columns = choose_columns(moment, outline, 80)
    picture = RailPicture(moment, outline, columns, None, style)
    return [picture.line_at(y).text.rstrip() for y in range(picture.height)]


def with_value(trace: Trace, value: int, seen: Observation | None) -> Trace:
    """Return the trace with another observation of a value and of its gradient."""
    roles = (Role.VALUE, Role.GRAD_OUTPUT)
    slots = trace.graph.slots
    observations = [
        seen if slot.value == value and slot.role in roles else old
        for slot, old in zip(slots, trace.observations, strict=True)
    ]
    return replace(trace, observations=tuple(observations))


def test_the_inspector_of_an_op_in_the_middle_of_backward() -> None:
    assert inspect(logistic_trace(), 7, Z) == [
        "z = u + b                             logistic.py:13  f32[1]",
        "value      1.9",
        "gradient   −0.1301   ∂L/∂z",
        "local      ∂z/∂u = 1   ∂z/∂b = 1",
        "edges      → u −0.1301   → b −0.1301",
        "steps      value ▁▅█  gradient █▅▁",
        "operator   torch.Tensor.add",
        "autograd   AddBackward0",
    ]


def test_the_inspector_says_when_what_is_not_known_yet_will_be() -> None:
    lines = inspect(logistic_trace(), 0, Z)

    assert lines[1:3] == [
        "value      1.9  at event 2",
        "gradient   −0.1301   ∂L/∂z  at event 8",
    ]


def test_the_inspector_of_a_parameter_tells_none_from_a_number() -> None:
    assert inspect(logistic_trace(), LAST, W_1)[:6] == [
        "parameter                             logistic.py:12  f32[1]",
        "value      0.5481",
        "gradient   −0.4814   ∂L/∂w_1",
        ".grad      None → None   zeroed",
        "           None → −0.4814   accumulate",
        "update     0.5 → 0.5481   SGD  lr 0.1",
    ]


def test_a_gradient_of_zero_is_written_as_zero() -> None:
    zero = with_value(logistic_trace(), 4, Observation(np.zeros(1)))

    assert inspect(zero, LAST, Z)[2] == "gradient   0   ∂L/∂z"


def test_a_gradient_of_none_is_written_as_none() -> None:
    assert inspect(with_value(logistic_trace(), 4, None), LAST, Z)[2] == (
        "gradient   None   ∂L/∂z"
    )


def test_an_input_says_why_it_has_no_gradient() -> None:
    assert inspect(logistic_trace(), LAST, 0)[2] == (
        "gradient   none: it requires no gradient"
    )


def test_each_pass_has_its_own_arrival() -> None:
    graph = logistic_graph()
    slots = [*graph.slots]
    start = len(slots)
    again = Event(12, EventKind.ACCUMULATE, Phase.BACKWARD, 1, values=(1,), grad_node=4)
    roles = (Role.ARRIVED, Role.BEFORE, Role.AFTER)
    slots += [Slot(12, role, 1, shape=(1,)) for role in roles]
    events = (*graph.events, replace(again, slots=(start, start + 3)))
    trace = logistic_trace()
    seen = [Observation(np.full(1, number)) for number in (3.0, 3.0, 6.0)]
    longer = replace(
        trace,
        graph=replace(graph, events=events, slots=tuple(slots)),
        observations=(*trace.observations, *seen),
    )

    assert inspect(longer, 12, W_1)[2:7] == [
        "gradient   −0.4814   ∂L/∂w_1  pass 1",
        "           3   ∂L/∂w_1  pass 2",
        ".grad      None → None   zeroed",
        "           None → −0.4814   accumulate",
        "           3 → 6   accumulate",
    ]


def test_a_small_matrix_is_a_grid_with_its_range() -> None:
    grid = Observation(np.array([[1.0, -2.0, 3.0], [0.5, np.nan, 6.0]]))
    trace = with_value(logistic_trace(), 4, grid)

    assert inspect(trace, 1, Z)[-7:] == [
        "value of z",
        "range      −2 … 6",
        "mean       1.7   std 2.6758",
        "l2         7.0887   zeros 0 of 6",
        "not finite 1 NaN   0 Inf",
        "  1   −2    3",
        "0.5  NaN    6",
    ]


def test_a_large_tensor_is_statistics() -> None:
    stats = Stats(1000, -1.0, 1.0, 0.25, 0.5, 17.7, 3, 0, 0)
    trace = with_value(logistic_trace(), 4, Observation(summary=stats))

    assert inspect(trace, 1, Z)[-4:] == [
        "value of z",
        "range      −1 … 1",
        "mean       0.25   std 0.5",
        "l2         17.7   zeros 3 of 1000",
    ]


def test_a_long_vector_is_wrapped_to_the_width() -> None:
    trace = with_value(logistic_trace(), 4, Observation(np.arange(12.0)))

    assert inspect(trace, 1, Z, width=16)[-3:] == [
        " 0   1   2   3",
        " 4   5   6   7",
        " 8   9  10  11",
    ]


def test_a_tensor_that_could_not_be_read_says_so() -> None:
    trace = with_value(logistic_trace(), 4, Observation())

    assert inspect(trace, 1, Z)[1] == "value      not read"


def test_a_cut_is_dashed_and_says_why() -> None:
    graph = logistic_graph()
    cut = replace(graph.ops[1], cut="detach")
    cut_graph = replace(graph, ops=(graph.ops[0], cut, *graph.ops[2:]))
    trace = replace(logistic_trace(), graph=cut_graph)

    assert rail(trace, 1)[4].startswith("●╌┘ ▶ z   u + b             ✗ detach")
    assert "cut        no gradient flows: detach" in inspect(trace, 1, Z)


def test_the_rail_in_the_variables_style_shows_local_derivatives_once_known() -> None:
    before, after = (rail(logistic_trace(), e, Style.VARIABLES)[4] for e in (6, 7))

    assert before.split("z ")[1].strip().startswith("u + b")
    assert after.split("z ", 1)[1].strip().startswith("∂z/∂u = 1  ∂z/∂b = 1")


def test_what_has_not_happened_has_the_tone_of_the_future() -> None:
    trace = logistic_trace()
    outline, moment = build_outline(trace.graph), Moment(trace, 0)
    columns = choose_columns(moment, outline, 80)
    row = RailPicture(moment, outline, columns, None).line_at(Z)

    tones = {piece.tone for piece in row.pieces if piece.text.strip()}
    assert tones == {Tone.FUTURE}


def test_the_rail_cost_does_not_depend_on_rows_out_of_sight() -> None:
    trace = logistic_trace()
    picture = RailPicture(
        Moment(trace, 0),
        build_outline(trace.graph),
        choose_columns(Moment(trace, 0), build_outline(trace.graph), 80),
        None,
    )

    assert (picture.height, picture.area_of(99), picture.node_at(0, 8)) == (
        8,
        None,
        None,
    )


def source(
    trace: Trace, event: int, selection: int | None = None, *, width: int = 60
) -> list[str]:
    outline, moment = build_outline(trace.graph), Moment(trace, event)
    focus = find_focus(moment, outline, selection)
    picture = show_source(moment, outline, focus, width=width)
    assert picture is not None
    return [picture.line_at(y).text.rstrip() for y in range(11, 18)]


def test_the_source_marks_the_line_and_writes_the_values_known_so_far() -> None:
    assert source(logistic_trace(), 1) == [
        "  12     u = x_1 * w_1                     ⟵ 1.85",
        "▶ 13     z = u + b                         ⟵ 1.9",
        "  14     a = torch.sigmoid(z)",
        "  15     l = F.binary_cross_entropy(a, y)",
        "  16     optimizer.zero_grad()",
        "  17     l.backward()",
        "  18     optimizer.step()",
    ]


def test_the_source_marks_the_expression_of_the_op_in_backward() -> None:
    trace = logistic_trace()
    outline, moment = build_outline(trace.graph), Moment(trace, 7)
    picture = show_source(moment, outline, find_focus(moment, outline, Z), width=60)
    assert picture is not None

    marked = [p.text for p in picture.line_at(12).pieces if p.tone is Tone.EXPRESSION]
    assert marked == ["u + b"]


def test_the_source_marks_a_selected_node_apart_from_the_event() -> None:
    marks = [line[0] for line in source(logistic_trace(), 1, 5)]

    assert marks == [" ", "▶", "›", " ", " ", " ", " "]


def test_the_update_is_marked_where_the_optimizer_is_called() -> None:
    assert source(logistic_trace(), LAST)[6] == "▶ 18     optimizer.step()"


def test_tabs_and_carriage_returns_do_not_shift_the_expression() -> None:
    trace = logistic_trace()
    (file, text), *_ = trace.sources.items()
    dos = replace(trace, sources={file: text.replace("\n", "\r\n")})

    assert source(dos, 1)[1] == "▶ 13     z = u + b                         ⟵ 1.9"


def test_an_empty_graph_has_an_empty_outline() -> None:
    outline = build_outline(Graph())

    assert (outline.nodes, outline.nodes_of_event(0), outline.rail_width) == ((), (), 0)


def test_a_grad_that_the_code_reads_is_there_only_from_then_on() -> None:
    graph = logistic_graph()
    read = Value(8, ValueKind.GRADIENT, None, None, (1,), "float32", owner=1)
    values = tuple(
        replace(e, slots=(e.slots[0], e.slots[1] + 1)) if e.index == LAST else e
        for e in graph.events
    )
    slot = Slot(LAST, Role.VALUE, 8, shape=(1,))
    trace = logistic_trace()
    longer = replace(
        trace,
        graph=replace(
            graph,
            values=(*graph.values, read),
            events=values,
            slots=(*graph.slots, slot),
        ),
        observations=(*trace.observations, Observation(np.full(1, -0.4814))),
    )

    assert [rail(longer, event)[8].split()[0] for event in (0, LAST)] == ["○", "●"]
    assert "w_1.grad gradient" in rail(longer, LAST)[8]


def test_a_long_tensor_beside_the_source_is_shortened_to_its_mean() -> None:
    trace = with_value(logistic_trace(), 4, Observation(np.arange(4.0) + 0.12345))

    assert (
        source(trace, 1)[1] == "▶ 13     z = u + b                         ⟵ μ 1.6235"
    )


def test_what_the_optimizer_made_stands_at_its_call_and_not_before_it() -> None:
    trace = zeroed_after_the_update()
    lines = {event: source(trace, event) for event in (4, LAST, LAST + 1)}

    assert [lines[event][4].rstrip() for event in (4, LAST + 1)] == [
        "▶ 16     optimizer.zero_grad()",
        "▶ 16     optimizer.zero_grad()",
    ]
    assert lines[4][6] == "  18     optimizer.step()"
    assert lines[LAST][6] == "▶ 18     optimizer.step()                  ⟵ 0.5481"


def test_values_beside_the_source_never_stand_in_the_code() -> None:
    assert source(logistic_trace(), LAST, width=36) == [
        "  12     u = x_1 * w_1  ⟵ 1.85",
        "  13     z = u + b      ⟵ 1.9",
        "  14     a = torch.sigmoid(z)",
        "  15     l = F.binary_cross_entropy(a, y)",
        "  16     optimizer.zero_grad()",
        "  17     l.backward()",
        "▶ 18     optimizer.step()",
    ]


def test_of_a_value_beside_the_source_the_number_goes_last() -> None:
    trace = with_value(logistic_trace(), 4, Observation(np.arange(3.0)))
    lines = [source(trace, 1, width=width)[1] for width in (60, 38, 26)]

    assert [line.partition("u + b")[2].strip() for line in lines] == [
        "⟵ [0, 1, 2]",
        "⟵ [0, 1, 2]",
        "⟵ μ 1",
    ]


def test_without_room_a_derivative_is_shortened_and_its_number_is_not() -> None:
    graph = logistic_graph()
    values = [
        replace(v, name="a_rather_long_name") if v.id in (2, 4) else v
        for v in graph.values
    ]
    trace = replace(logistic_trace(), graph=replace(graph, values=tuple(values)))
    row = rail(trace, LAST, Style.VARIABLES)[5]

    assert "∂a/∂a_rather_lon… = 0.1132" in row


def test_the_row_of_a_readout_shows_what_was_read_once_it_was() -> None:
    trace = with_readout()
    outline = build_outline(trace.graph)
    tones = []
    for event in (LAST, LAST + 1):
        moment = Moment(trace, event)
        columns = choose_columns(moment, outline, 80)
        row = RailPicture(moment, outline, columns, None).line_at(8)
        tones += [p.tone for p in row.pieces if "0.1394" in p.text]

    assert tones == [Tone.FUTURE, Tone.VALUE]
    assert inspect(trace, LAST + 1, 8)[1] == "read       0.1394"


def test_the_inspector_ends_with_what_could_not_be_seen() -> None:
    trace = logistic_trace()
    gaps = (Gap(1, "a fused kernel ran"), Gap(None, "no access to the compiled graph"))
    lines = inspect(replace(trace, graph=replace(trace.graph, gaps=gaps)), 0, Z)

    assert lines[-4:] == [
        "",
        "2 gaps: not everything in this step could be seen",
        "event 2: a fused kernel ran",
        "no access to the compiled graph",
    ]
    assert inspect(trace, 0, Z)[-1] == "autograd   AddBackward0"
