"""Where places pause, on events that are made up."""

import pytest

from graphscope.debugger.arrival import Aspect
from graphscope.debugger.breakpoints import BreakpointTable
from graphscope.model.graph import EventKind, Phase
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from tests.debugger.arrivals import MadeUp, seen


def hits_of(text: str, *events: MadeUp) -> list[int]:
    """Return the positions of the events at which a breakpoint pauses."""
    table = BreakpointTable()
    table.add(text)
    return [i for i, event in enumerate(events) if table.find_hit(event, 0)]


def site(line: int, column: int = 0, *, end: int = 0, file: str = "/a/t.py") -> Site:
    return Site(file, line, end or line, column, column + 5, "<module>", "x")


def op(name: str = "mul", scope: str = "", at: Site | None = None) -> MadeUp:
    return MadeUp(op=name, scope=scope, site=at)


def node(name: str = "mul", scope: str = "", at: Site | None = None) -> MadeUp:
    return MadeUp(
        EventKind.GRAD,
        op=name,
        node=f"{name.title()}Backward0",
        scope=scope,
        site=at,
        phase=Phase.BACKWARD,
    )


def leaf(name: str = "w", at: Site | None = None) -> MadeUp:
    return MadeUp(EventKind.ACCUMULATE, names=(name,), site=at, phase=Phase.BACKWARD)


UPDATE = MadeUp(EventKind.UPDATE, op="SGD", names=("w", "b"), phase=Phase.UPDATE)
ZERO = MadeUp(EventKind.ZERO, names=("w", "b"), phase=Phase.ZERO)


def test_an_op_is_its_runs_and_its_nodes() -> None:
    events = (op("mul"), op("add"), op("mul"), node("mul"), node("add"), UPDATE)
    assert hits_of("op:mul", *events) == [0, 2, 3]
    assert hits_of("op:m*", *events) == [0, 2, 3]
    assert hits_of("op:SGD", *events) == [5]
    assert hits_of("'m*'", *events) == []


def test_the_nodes_of_one_op_are_one_pause() -> None:
    addmm, t = (
        MadeUp(EventKind.GRAD, op="linear", node=name, scope="fc")
        for name in ("AddmmBackward0", "TBackward0")
    )
    events = (addmm, leaf(), t, leaf(), node("relu"), addmm, t)
    assert hits_of("op:linear", *events) == [0, 5]


def test_an_op_that_ran_twice_in_a_row_is_two_pauses() -> None:
    assert hits_of("op:mul", op("mul"), op("mul"), node("mul"), node("mul")) == [
        *(0, 1, 2, 3)
    ]


def test_a_module_is_where_it_is_entered_forward_and_backward() -> None:
    events = (
        op("linear", "enc.fc"),
        op("relu", "enc"),
        op("linear", "head"),
        node("linear", "head"),
        node("relu", "enc"),
        leaf(),
        node("linear", "enc.fc"),
        leaf(),
        UPDATE,
        op("linear", "enc.fc"),
    )
    assert hits_of("module:enc", *events) == [0, 4, 9]
    assert hits_of("enc", *events) == [0, 4, 9]
    assert hits_of("enc.*", *events) == [0, 6, 9]
    assert hits_of("head", *events) == [2, 3]
    assert hits_of("module:en", *events) == []


def test_a_glob_is_the_outermost_module_that_it_names() -> None:
    events = [op(scope=f"layers.{i}.{name}") for i in (0, 1) for name in ("fc", "act")]
    assert hits_of("layers.*", *events) == [0, 2]
    assert hits_of("layers.?.fc", *events) == [0, 2]
    assert hits_of("*.act", *events) == [1, 3]
    assert hits_of("layers.[1-9]", *events) == [2]


def test_two_calls_in_a_row_are_two_when_the_end_of_the_first_is_told() -> None:
    table = BreakpointTable()
    table.add("cell")
    inner = op(scope="cell.fc")
    assert table.find_hit(inner, 0) is not None
    assert table.find_hit(inner, 0) is None
    table.leave("cell.fc", 0)
    table.leave("cell", 0)
    assert table.find_hit(inner, 0) is not None
    table.leave("cel", 0)
    table.leave("cell", 1)
    assert table.find_hit(inner, 0) is None


def test_a_recomputed_module_is_entered_again() -> None:
    events = (node("add", "b"), op("linear", "b"), node("linear", "b"))
    assert hits_of("b", *events) == [0, 1, 2]


def test_a_value_is_where_it_is_made_reached_and_updated() -> None:
    made, reached = MadeUp(names=("w",)), MadeUp(EventKind.GRAD, names=("w",))
    captured = MadeUp(EventKind.CAPTURE, names=("w",))
    events = (made, op(), ZERO, reached, leaf("w"), leaf("b"), captured, UPDATE)
    assert hits_of("var:w", *events) == [0, 3, 4, 6, 7]
    assert hits_of("w", *events) == [0, 3, 4, 6, 7]
    assert hits_of("var:b", *events) == [5, 7]
    assert hits_of("var:?", *events) == [0, 3, 4, 5, 6, 7]


def test_a_bare_glob_means_modules_and_not_their_parameters() -> None:
    events = (op(scope="enc.fc"), leaf("enc.fc.weight"), leaf("other.weight"))
    assert hits_of("enc.*", *events) == [0]
    assert hits_of("*.weight", *events) == [1, 2]
    assert hits_of("var:enc.*", *events) == [1]
    assert hits_of("enc.fc.weight", *events) == [1]


def test_a_node_is_before_it_runs() -> None:
    events = (node("mul"), leaf(), node("add"))
    assert hits_of("node:MulBackward0", *events) == [0]
    assert hits_of("*Backward0", *events) == [0, 2]
    assert hits_of("AccumulateGrad", *events) == [1]


def test_a_phase_is_its_first_event_each_time() -> None:
    forward = MadeUp(phase=Phase.FORWARD)
    second = MadeUp(phase=Phase.FORWARD, step=1)
    events = (forward, forward, node(), leaf(), forward, node(), UPDATE, second, second)
    assert hits_of("phase:forward", *events) == [0, 4, 7]
    assert hits_of("backward", *events) == [2, 5]
    assert hits_of("update", *events) == [6]


def test_the_word_loss_is_a_value_and_no_phase() -> None:
    events = (MadeUp(phase=Phase.LOSS), MadeUp(phase=Phase.LOSS, names=("loss",)))
    assert hits_of("loss", *events) == [1]
    assert hits_of("phase:loss", *events) == [0]


@pytest.mark.parametrize(
    ("text", "is_hit"),
    [
        ("train.py:41", True),
        ("me/train.py:41", True),
        ("./train.py:41", True),
        ("/home/me/train.py:41", True),
        ("/me/train.py:41", True),
        ("rain.py:41", False),
        ("other/train.py:41", False),
        ("train.py:40", False),
        ("train.py:42", True),  # the expression goes on there
        ("train.py:43", False),
        ("line:41", True),
    ],
)
def test_a_line_is_one_of_a_file_that_ends_so(text: str, *, is_hit: bool) -> None:
    event = op(at=site(41, end=42, file="/home/me/train.py"))
    assert hits_of(text, event) == ([0] if is_hit else [])
    windows = op(at=site(41, end=42, file=r"C:\home\me\train.py"))
    if not text.startswith("/home"):
        assert hits_of(text, windows) == ([0] if is_hit else [])


def test_a_line_is_one_pause_for_all_that_it_computes() -> None:
    first, second, other = site(1, 0), site(1, 9), site(2)
    events = (
        op("mul", at=first),
        op("add", at=second),
        op("relu", at=other),
        node("relu", at=other),
        node("add", at=second),
        leaf(at=site(9)),
        node("mul", at=first),
        op("mul", at=first),
    )
    assert hits_of("t.py:1", *events) == [0, 4, 7]


def test_a_loop_on_one_line_pauses_each_time() -> None:
    first, second = op("mul", at=site(1, 0)), op("add", at=site(1, 9))
    assert hits_of("t.py:1", *(first, second) * 3) == [0, 2, 4]


def test_the_line_of_backward_is_the_first_gradient_at_a_leaf() -> None:
    there = leaf(at=site(9))
    events = (node(at=site(1)), there, node(at=site(1)), there, op(at=site(1)), there)
    assert hits_of("t.py:9", *events) == [1, 5]


def test_an_event_without_a_place_in_the_source_is_on_no_line() -> None:
    assert hits_of("line:1", op(), node(), leaf(), UPDATE) == []


def test_a_condition_alone_is_asked_everywhere() -> None:
    events = [MadeUp(loss_number=number) for number in (1.0, 5.0, 2.0, 9.0)]
    assert hits_of("loss > 4", *events) == [1, 3]


def test_a_condition_at_a_place_is_asked_there_only() -> None:
    events = (
        MadeUp(op="mul", loss_number=9.0),
        MadeUp(op="add", loss_number=9.0),
        MadeUp(op="mul", loss_number=1.0),
    )
    assert hits_of("op:mul if loss > 4", *events) == [0]


def before_and_after(gradient: float, sent: float) -> tuple[MadeUp, MadeUp]:
    """Return the two arrivals of a node: with what reaches it, and what it sends."""
    incoming: dict[Aspect, Observation | None] = {Aspect.GRAD: seen(gradient)}
    after = MadeUp(
        EventKind.GRAD, node="N", op="n", names=("x",), seen={Aspect.GRAD: seen(sent)}
    )
    before = MadeUp(
        EventKind.GRAD, node="N", op="n", names=("x",), is_before=True, seen=incoming
    )
    return before, after


@pytest.mark.parametrize("text", ["N", "op:n", "var:x", "node:N"])
def test_a_place_is_reached_once_by_a_node_that_comes_twice(text: str) -> None:
    assert hits_of(text, *before_and_after(1.0, 2.0) * 2) == [0, 2]


def test_a_node_that_comes_only_after_it_ran_is_reached_then() -> None:
    _, after = before_and_after(1.0, 2.0)
    assert hits_of("N", after, after) == [0, 1]


def test_a_condition_holds_before_or_after_and_counts_once() -> None:
    quiet, loud = before_and_after(1.0, 5.0), before_and_after(5.0, 5.0)
    fading = before_and_after(5.0, 1.0)
    assert hits_of("grad.l2 > 4", *quiet) == [1]
    assert hits_of("grad.l2 > 4", *loud) == [0]
    assert hits_of("grad.l2 > 4", *fading, *quiet) == [0, 3]
    assert hits_of("node:N if grad.l2 > 4", *quiet, *loud) == [1, 2]


def test_an_entered_module_is_still_entered_after_its_first_node() -> None:
    """The condition holds only after the node that enters the module has run."""
    before = MadeUp(EventKind.GRAD, node="N", op="n", scope="fc", is_before=True)
    after = MadeUp(
        EventKind.GRAD,
        node="N",
        op="n",
        scope="fc",
        seen={Aspect.GRAD: seen(float("nan"))},
    )
    assert hits_of("fc if has_nan", before, after) == [1]


def test_a_node_is_recognised_after_what_ran_inside_of_it() -> None:
    outer, after = before_and_after(1.0, 1.0)
    inner = MadeUp(EventKind.GRAD, node="M", op="m", is_before=True)
    inner_after = MadeUp(EventKind.GRAD, node="M", op="m")
    events = (outer, op(), inner, inner_after, op(), after)
    assert hits_of("node:?", *events) == [0, 2]


def test_seats_do_not_see_each_others_past() -> None:
    table = BreakpointTable()
    table.add("enc")
    inside = op(scope="enc")
    found = [table.find_hit(inside, seat) is not None for seat in (0, 1, 0, 1)]
    assert found == [True, True, False, False]
