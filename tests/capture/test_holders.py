"""Who holds tensors: found from the variables on, without running the user's code."""

import functools
import sys
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import pytest
import torch
from torch import nn

from graphscope.capture.frames import FrameWalker
from graphscope.capture.holders import find_holders
from graphscope.capture.namespaces import locals_of

SHELF: list[Any] = []


class Pair(NamedTuple):
    loss: Any
    step: int


@dataclass
class Meter:
    values: list[Any] = field(default_factory=list)
    by_name: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    last: Any = None


class Slotted:
    __slots__ = ("history", "unset")

    def __init__(self) -> None:
        self.history: list[Any] = []


class Shared:
    history: list[Any] = []  # noqa: RUF012 - what is shared is the point


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(1, 1)
        self.outputs: list[Any] = []


def tensors() -> list[Any]:
    return [torch.zeros(()) for _ in range(3)]


def taken(kept: list[Any]) -> list[Any]:
    """Take tensors out of a list, so that it does not hold them."""
    found = [*kept]
    kept.clear()
    return found


def holders(wanted: list[Any]) -> list[tuple[str, str, str, int]]:
    """Return who holds some tensors, in the caller's variables and further out."""
    found = find_holders(taken(wanted), FrameWalker(), sys._getframe(1))
    return [(h.name, h.container, h.via, h.count) for h in (o.holder for o in found)]


@pytest.mark.parametrize(
    ("make", "name", "container", "via"),
    [
        (list, "kept", "list", ""),
        (tuple, "kept", "tuple", ""),
        (deque, "kept", "deque", ""),
        (set, "kept", "set", ""),
        (lambda t: dict(enumerate(t)), "kept", "dict", ""),
        (lambda t: OrderedDict(enumerate(t)), "kept", "OrderedDict", ""),
        (lambda t: {"train": [*t]}, "kept['train']", "list", ""),
        (lambda t: {"a": {"b": [*t]}}, "kept['a']['b']", "list", ""),
        (lambda t: {f"step {i}": one for i, one in enumerate(t)}, "kept", "dict", ""),
        (lambda t: [(one, i) for i, one in enumerate(t)], "kept", "list", "tuple"),
        (lambda t: [Pair(one, i) for i, one in enumerate(t)], "kept", "list", "Pair"),
        (lambda t: [{"loss": one} for one in t], "kept", "list", "dict"),
        (lambda t: {i: {"loss": o} for i, o in enumerate(t)}, "kept", "dict", "dict"),
        (lambda t: Meter([*t]), "kept.values", "list", ""),
        (lambda t: Meter(by_name={"l": [*t]}), "kept.by_name['l']", "list", ""),
        (lambda t: [Meter(last=one) for one in t], "kept", "list", "Meter"),
        (lambda t: Meter(last=Meter([*t])), "kept.last.values", "list", ""),
    ],
)
def test_containers_are_named_as_the_user_reaches_them(
    make: Callable[[list[Any]], Any], name: str, container: str, via: str
) -> None:
    wanted = tensors()
    kept = make(wanted)
    assert holders(wanted) == [(name, container, via, 3)]
    assert kept is not None


def test_one_variable_is_found_for_each_tensor_that_it_holds_itself() -> None:
    wanted = tensors()
    first, best = wanted[:2]
    wanted.pop()
    assert sorted(holders(wanted)) == [("best", "", "", 1), ("first", "", "", 1)]
    assert best is not first


def test_the_one_who_holds_most_comes_first() -> None:
    wanted = tensors()
    last, everything = {"loss": wanted[2]}, [*wanted]
    assert holders(wanted) == [
        ("everything", "list", "", 3),
        ("last['loss']", "", "", 1),
    ]
    assert len(last) < len(everything)


def test_attributes_without_a_dictionary_are_named() -> None:
    wanted = tensors()
    slotted = Slotted()
    slotted.history += wanted
    assert holders(wanted) == [("slotted.history", "list", "", 3)]


def test_attributes_of_a_class_are_named_by_what_leads_to_them() -> None:
    wanted = tensors()
    shared = Shared()
    shared.history.extend(wanted)
    assert holders(wanted) == [("Shared.history", "list", "", 3)]
    Shared.history.clear()


def test_variables_of_the_module_are_looked_at_too() -> None:
    wanted = tensors()
    SHELF.extend(wanted)
    assert holders(wanted) == [("SHELF", "list", "", 3)]
    SHELF.clear()


def test_a_submodule_is_written_as_the_user_writes_it() -> None:
    wanted = tensors()
    inner = Net()
    inner.outputs.extend(wanted)
    net = nn.Sequential(nn.Linear(1, 1), inner)
    del inner
    assert holders(wanted) == [("net.1.outputs", "list", "", 3)]
    assert len(net) == 2


def test_the_variables_of_a_closure_have_names() -> None:
    def make(values: list[Any]) -> Callable[[], int]:
        history = [*values]
        return lambda: len(history)

    wanted = tensors()
    size = make(wanted)
    assert holders(wanted) == [("history", "list", "", 3)]
    assert size() == 3


def test_a_default_argument_is_held_by_its_function() -> None:
    wanted = tensors()

    def log(value: Any, history: list[Any] = [*wanted]) -> None:  # noqa: B006
        history.append(value)

    assert holders(wanted) == [("history", "list", "", 3)]
    assert callable(log)


def test_what_a_bound_method_and_a_partial_hold_is_found() -> None:
    wanted = tensors()
    store = functools.partial(Meter([*wanted]).values.append, None)
    assert holders(wanted) == [("store.func", "builtin_function_or_method", "list", 3)]
    assert store is not None


def test_a_traceback_holds_the_variables_of_the_functions_that_it_left() -> None:
    def fail(loss: Any) -> NoReturn:
        raise ValueError(f"odd: {loss.item()}")

    wanted = tensors()
    errors: list[Exception] = []
    while wanted:
        try:
            fail(wanted.pop())
        except ValueError as error:
            errors.append(error)
    sought = [e.__traceback__.tb_next.tb_frame.f_locals["loss"] for e in errors]  # type: ignore[union-attr]
    assert holders(sought) == [("errors", "list", "traceback", 3)]


def test_a_generator_that_waits_holds_its_variables() -> None:
    def outputs(values: list[Any]) -> Iterator[int]:
        history = [*values]
        yield len(history)

    wanted = tensors()
    running = outputs([*wanted])
    next(running)
    assert holders(wanted) == [("running", "generator", "list", 3)]


class Hostile:
    """Raises whenever any of its code runs."""

    def _raise(self, *_: object) -> NoReturn:
        raise AssertionError("code of the user's has run")

    __getattribute__ = __eq__ = __hash__ = __repr__ = __iter__ = _raise
    __len__ = __bool__ = __contains__ = _raise


class HostileList(list[Any]):
    __iter__ = __len__ = __getitem__ = __eq__ = Hostile._raise
    __getattribute__ = __bool__ = Hostile._raise


def test_no_code_of_the_users_runs() -> None:
    wanted = tensors()
    one, several = Hostile(), HostileList([Hostile(), *wanted])
    assert holders(wanted) == [("several", "HostileList", "", 3)]
    del one, several


def test_a_tensor_that_nothing_leads_to_is_not_found() -> None:
    assert holders(tensors()) == []


def test_a_long_list_in_the_way_does_not_hide_what_comes_later() -> None:
    wanted = tensors()
    numbers = [object() for _ in range(150_000)]
    history = [*wanted]
    assert holders(wanted) == [("history", "list", "", 3)]
    assert len(numbers) > len(history)


def test_reading_variables_leaves_no_copy_of_them() -> None:
    class Thing:
        pass

    thing = Thing()
    died = weakref.ref(thing)
    names = [name for name, _ in locals_of(sys._getframe())]
    del thing
    assert died() is None
    assert names == ["Thing", "thing", "died"]


def test_a_function_that_reads_its_variables_itself_is_left_alone() -> None:
    mine = locals()
    assert locals_of(sys._getframe()) == []
    other = "made after the copy"
    assert "other" not in mine
    assert other


def test_variables_are_not_read_while_somebody_traces() -> None:
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        found = locals_of(sys._getframe())
    finally:
        sys.settrace(before)
    assert found == []
