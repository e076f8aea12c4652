"""The table: adding, removing, counting, and what it tells."""

from contextlib import suppress
from threading import Thread

import pytest

from graphscope.debugger.breakpoints import BreakpointTable
from graphscope.debugger.breakpoints.table import MAX_BREAKPOINTS
from graphscope.debugger.state import BreakpointState
from graphscope.errors import DebuggerError
from graphscope.model.graph import Graph
from graphscope.model.trace import Status, Trace
from tests.debugger.arrivals import MadeUp
from tests.samples import logistic_trace

MUL = MadeUp(op="mul")


def test_numbers_are_given_once() -> None:
    table = BreakpointTable()
    assert table.is_empty
    assert table.add("mul") == BreakpointState(1, "mul")
    assert table.add(" mul if loss > 1 ", is_once=True) == BreakpointState(
        2, "mul if loss > 1", is_once=True
    )
    table.remove(2)
    assert table.add("has_nan").number == 3
    assert [state.number for state in table.states()] == [1, 3]
    assert not table.is_empty


def test_a_number_that_there_is_not_is_told_with_those_that_there_are() -> None:
    table = BreakpointTable()
    with pytest.raises(DebuggerError, match=r"no breakpoint 1\. There are none\."):
        table.remove(1)
    table.add("a")
    table.add("b")
    for change in (table.remove, table.enable, table.disable):
        with pytest.raises(DebuggerError, match=r"no breakpoint 7\. There are: 1, 2\."):
            change(7)


def test_a_bad_text_adds_nothing() -> None:
    table = BreakpointTable()
    with pytest.raises(DebuggerError, match=r"Nearest: backward\."):
        table.add("phase:bakward")
    assert table.is_empty


def test_there_are_so_many_and_no_more() -> None:
    table = BreakpointTable()
    for _ in range(MAX_BREAKPOINTS):
        table.add("mul")
    with pytest.raises(DebuggerError, match="There are 100 breakpoints already"):
        table.add("mul")
    table.remove(50)
    assert table.add("mul").number == MAX_BREAKPOINTS + 1


def pausing_times(text: str, times: int) -> list[int]:
    table = BreakpointTable()
    table.add(text)
    return [n for n in range(1, times + 1) if table.find_hit(MUL, 0) is not None]


def test_counts_say_which_time_pauses() -> None:
    assert pausing_times("mul", 4) == [1, 2, 3, 4]
    assert pausing_times("mul ignore 2", 4) == [3, 4]
    assert pausing_times("mul hit 3", 6) == [3]
    assert pausing_times("mul ignore 2 hit 3", 8) == [5]


def test_hits_are_counted_only_when_everything_holds() -> None:
    table = BreakpointTable()
    table.add("mul if loss > 1 ignore 5")
    for loss in (None, 0.0, 2.0, 3.0):
        assert table.find_hit(MadeUp(op="mul", loss_number=loss), 0) is None
        assert table.find_hit(MadeUp(op="add", loss_number=loss), 0) is None
    assert table.states()[0].hits == 2


def test_one_that_pauses_once_goes_away_then() -> None:
    table = BreakpointTable()
    table.add("mul ignore 1", is_once=True)
    assert table.find_hit(MUL, 0) is None
    assert table.find_hit(MUL, 0) == BreakpointState(
        1, "mul ignore 1", is_once=True, hits=2
    )
    assert table.is_empty
    assert table.find_hit(MUL, 0) is None


def test_of_several_the_first_is_told_and_all_are_counted() -> None:
    table = BreakpointTable()
    for text in ("add", "mul", "op:mul", "var:w"):
        table.add(text)
    found = table.find_hit(MUL, 0)
    assert found is not None
    assert found.number == 2
    assert [state.hits for state in table.states()] == [0, 1, 1, 0]


def test_a_disabled_one_neither_pauses_nor_counts() -> None:
    table = BreakpointTable()
    table.add("mul")
    table.disable(1)
    assert table.find_hit(MUL, 0) is None
    assert table.states() == (BreakpointState(1, "mul", is_enabled=False),)
    table.enable(1)
    assert table.find_hit(MUL, 0) == BreakpointState(1, "mul", hits=1)


def test_one_that_is_added_inside_of_a_module_waits_for_the_next_call() -> None:
    table = BreakpointTable()
    inside, outside = MadeUp(op="mul", scope="fc"), MadeUp(op="add")
    table.find_hit(inside, 0)
    table.add("fc")
    table.add("phase:forward")
    events = (inside, outside, inside)
    assert [table.find_hit(event, 0) is not None for event in events] == [
        *(False, False, True)
    ]


def test_the_table_changes_while_it_is_asked() -> None:
    """Not every interleaving: but a torn table would fail within thousands of asks."""
    table = BreakpointTable()
    table.add("mul ignore 999999999")
    faults: list[BaseException] = []

    def ask(seat: int) -> None:
        try:
            for _ in range(2000):
                table.find_hit(MUL, seat)
        except BaseException as fault:  # noqa: BLE001 - told by the test
            faults.append(fault)

    threads = [Thread(target=ask, args=(seat,)) for seat in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        number = table.add("mul", is_once=True).number
        table.add("add if loss > 1")
        table.disable(number + 1)
        table.remove(number + 1)
        with suppress(DebuggerError):  # it has paused, and is gone
            table.remove(number)
    for thread in threads:
        thread.join()
    assert faults == []
    assert table.states()[0].hits == 6000


def problems(*texts: str, trace: Trace | None = None) -> list[str]:
    table = BreakpointTable()
    for text in texts:
        table.add(text)
    table.check(logistic_trace() if trace is None else trace)
    return [state.problem for state in table.states()]


def test_what_a_step_has_is_no_problem() -> None:
    texts = (
        *("mul", "op:sig*", "op:SGD", "var:w_1", "b", "'z'", "node:AddBackward0"),
        *(
            "AccumulateGrad",
            "phase:loss",
            "backward",
            "logistic.py:14",
            "me/logistic.py:16",
        ),
        *("grad.l2 > 1", "w_1.grad.l2 > b", "var:z if 'a' > 1", "has_nan"),
    )
    assert problems(*texts) == [""] * len(texts)


def test_what_no_step_has_is_told_with_the_nearest() -> None:
    nodes = "MulBackward0, AddBackward0, SigmoidBackward0"
    assert problems(
        "muI",
        "op:sigmoid_",
        "module:fc1",
        "var:w_2",
        "node:MulBackward1",
        "logistic.py:19",
        "logistics.py:14",
        "u if w_2 > 1",
        "w_1.grad.l2 > 1 and has_nans",
    ) == [
        "Nothing is named 'muI'. Nearest: mul, u.",
        "No op is named 'sigmoid_'. Nearest: sigmoid.",
        "No module is named 'fc1'.",
        "No value is named 'w_2'. Nearest: w_1.",
        f"No autograd node is named 'MulBackward1'. Nearest: {nodes}.",
        "Nothing that is recorded ran in line 19. Nearest line: 18.",
        "Nothing ran in a file 'logistics.py'. Nearest: logistic.py.",
        "No value is named 'w_2'. Nearest: w_1.",
        "No value is named 'has_nans'. Nearest: has_nan, has_inf, pass.",
    ]


def test_a_step_that_is_not_whole_makes_no_problem() -> None:
    part = Trace(Graph(), status=Status.ABORTED)
    assert problems("mul", "w > 1", trace=part) == ["", ""]


def test_a_problem_ends_when_the_name_comes() -> None:
    table = BreakpointTable()
    table.add("mul")
    empty = Trace(Graph())
    table.check(empty)
    assert table.states()[0].problem == "Nothing is named 'mul'."
    table.check(logistic_trace())
    assert table.states()[0].problem == ""
    table.check(empty)  # a step of validation, say: the name is no slip of the pen
    assert table.states()[0].problem == ""


def test_what_has_been_hit_is_no_problem() -> None:
    table = BreakpointTable()
    table.add("mul")
    table.check(Trace(Graph()))
    table.find_hit(MUL, 0)
    assert table.states() == (BreakpointState(1, "mul", hits=1),)
    table.check(Trace(Graph()))
    assert table.states()[0].problem == ""
