"""The table of numbers, written out."""

from dataclasses import replace

from graphscope.cli.report import describe_numbers, describe_step
from graphscope.cli.table import align, to_table
from graphscope.model.graph import Gap, Graph, OpKind
from graphscope.model.observation import Observation
from graphscope.model.trace import Status, Trace
from tests.diagram import cases
from tests.diagram.sketch import Sketch
from tests.samples import logistic_trace


def test_the_table_has_a_row_for_each_named_value() -> None:
    # ∂L/∂z = a − y = 0.8699 − 1, ∂L/∂w₁ = ∂L/∂z · 3.7, w₁ ← 0.5 + 0.1 · 0.4814
    assert (
        to_table(logistic_trace())
        == """\
name  kind       type    value   gradient  .grad    updated  line
x_1   input      f32[1]  3.7     –         –        –        4
w_1   parameter  f32[1]  0.5     −0.4814   −0.4814  0.5481   12
u     result     f32[1]  1.85    −0.1301   –        –        12
b     parameter  f32[1]  0.05    −0.1301   −0.1301  0.063    13
z     result     f32[1]  1.9     −0.1301   –        –        13
a     result     f32[1]  0.8699  −1.1496   –        –        14
y     input      f32[1]  1       –         –        –        5
l     result     f32[]   0.1394  1         –        –        15"""
    )


def test_a_column_in_which_nothing_was_seen_is_left_out() -> None:
    trace = logistic_trace()
    [x_1] = [value for value in trace.graph.values if value.name == "x_1"]
    alone = Graph(values=(replace(x_1, op=None),))

    assert (
        to_table(Trace(alone))
        == """\
name  kind   type    line
x_1   input  f32[1]  4"""
    )


def test_a_step_without_names_says_so() -> None:
    assert to_table(Trace(Graph())) == "No value has a name."


def test_an_absent_gradient_is_none_and_not_zero() -> None:
    trace = logistic_trace()
    without = [
        None if seen is not None and seen.scalar == trace_gradient(trace) else seen
        for seen in trace.observations
    ]

    rows = to_table(replace(trace, observations=without)).splitlines()

    cells = ["w_1", "parameter", "f32[1]", "0.5", "None", "None", "0.5481", "12"]
    assert rows[2].split() == cells


def trace_gradient(trace: Trace) -> float | complex | None:
    arrived = trace.gradient_of(trace.resolve("w_1").id)
    assert isinstance(arrived, Observation)
    return arrived.scalar


def test_a_name_cannot_drive_the_terminal() -> None:
    trace = logistic_trace()
    values = [replace(v, name="\x1b[2J\nx") for v in trace.graph.values[:1]]
    graph = replace(trace.graph, values=(*values, *trace.graph.values[1:]))

    assert to_table(replace(trace, graph=graph)).splitlines()[1].split()[0] == "␛[2J␊x"


def test_gaps_are_listed_once_under_the_table() -> None:
    gaps = (Gap(None, "a compiled function"), Gap(None, "a compiled function"))

    assert describe_numbers(Trace(Graph(gaps=gaps))).splitlines() == [
        "No value has a name.",
        "not recorded: a compiled function",
    ]


def test_a_step_is_described_by_its_number_its_loss_and_its_end() -> None:
    trace = logistic_trace(step=2)

    assert describe_step(trace, numbers=range(5)) == "step 2 (0 to 4) · l 0.1394"
    assert describe_step(replace(trace, status=Status.OPEN), numbers=range(5)) == (
        "step 2 (0 to 4) · l 0.1394 · no parameter was updated"
    )
    aborted = replace(trace, status=Status.ABORTED, error="ValueError: no")
    assert describe_step(aborted, numbers=range(5)) == (
        "step 2 (0 to 4) · l 0.1394 · ended by ValueError: no"
    )


def test_the_number_of_a_step_goes_by_the_users_name() -> None:
    assert (
        describe_step(cases.quadratic(), numbers=range(1)) == "step 0 (0 to 0) · z 14"
    )


def test_a_manual_update_fills_the_column_and_has_no_row_of_its_own() -> None:
    # w ← 2 − 0.1 · 3
    assert (
        to_table(cases.manual_update())
        == """\
name  kind       type   value  gradient  .grad  updated
w     parameter  f32[]  2      3         3      1.7
l     result     f32[]  6      1         –      –"""
    )


def test_the_last_of_several_updates_is_what_the_column_says() -> None:
    sketch = Sketch()
    w = sketch.parameter("w", 2.0)
    sketch.backward(sketch.op("mul", [w], 6.0, [3.0], named="l"))
    for number in (1.7, 1.4):
        w = sketch.op("sub_", [w], number, named="w", previous=w, kind=OpKind.UPDATE)

    assert to_table(sketch.trace()).splitlines()[1].split()[-2:] == ["3", "1.4"]


def test_rows_of_several_passes_say_which_they_belong_to() -> None:
    assert (
        to_table(cases.accumulation())
        == """\
name     pass  kind       type   value  gradient  .grad      line
weights  –     parameter  f32[]  1      3, 3, 3   3 → 6 → 9  –
l        0     result     f32[]  3      1         –          1
l        1     result     f32[]  3      1         –          2
l        2     result     f32[]  3      1         –          3"""
    )


def test_a_leaf_that_the_script_made_belongs_to_the_passes_that_read_it() -> None:
    sketch = Sketch()
    shared, once = (
        sketch.op("tensor", [], 1.0, named=name, kind=OpKind.CREATE)
        for name in ("shared", "once")
    )
    sketch.op("exp", [shared], 2.7183, named="y")
    sketch.next_pass()
    sketch.op("add", [shared, once], 2.0, named="y")

    cells = [row.split()[:2] for row in to_table(sketch.trace()).splitlines()[1:]]
    assert cells == [["shared", "–"], ["once", "1"], ["y", "0"], ["y", "1"]]


def test_long_cells_are_cut() -> None:
    trace = logistic_trace()
    values = [replace(v, name="n" * 50) for v in trace.graph.values[:1]]
    graph = replace(trace.graph, values=(*values, *trace.graph.values[1:]))

    row = to_table(replace(trace, graph=graph)).splitlines()[1]

    assert row.split()[0] == "n" * 39 + "…"


def test_wide_columns_but_the_first_give_way_to_a_narrow_terminal() -> None:
    rows = [("n" * 30, "a" * 40, "b" * 25, "c"), ("x", "short", "12", "d")]

    assert align(rows, width=80).splitlines() == [
        f"{'n' * 30}  {'a' * 20}…  {'b' * 21}…  c",
        f"x{' ' * 31}short{' ' * 18}12{' ' * 22}d",
    ]
    assert align(rows, width=40).splitlines()[0] == (
        f"{'n' * 30}  {'a' * 19}…  {'b' * 19}…  c"
    )
