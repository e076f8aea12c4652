"""Whose an exception is that came out of our code."""

import functools
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import graphscope as gs
from graphscope.capture.faults import is_foreign, is_from_handler


class Timeout(Exception):  # noqa: N818 - as users name it
    """A user's own."""


def _caught(run: Callable[[], object]) -> BaseException:
    try:
        run()
    except Exception as fault:  # noqa: BLE001 - it is what is looked at
        return fault
    raise AssertionError("nothing was raised")


@pytest.fixture
def _restored() -> Iterator[None]:
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def _signalled(handler: Any) -> BaseException:
    signal.signal(signal.SIGUSR1, handler)
    return _caught(lambda: signal.raise_signal(signal.SIGUSR1))


def _late(*_: object) -> None:
    raise ValueError("too late")


def _replacing(*_: object) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    int("no number")


class _Object:
    def __call__(self, *_: object) -> None:
        raise KeyError("from an object")


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(
    "handler", [_late, _replacing, _Object(), functools.partial(_late, "more")]
)
def test_what_a_handler_raises_is_the_users(handler: Any) -> None:
    assert is_from_handler(_signalled(handler))


def test_an_error_of_ours_or_of_torch_is_not_the_users() -> None:
    for run in (lambda: int("x"), lambda: torch.ones(2).view(3)):
        fault = _caught(run)
        assert not is_foreign(fault)


def test_an_exception_of_the_users_own_type_is_theirs() -> None:
    def sent() -> None:
        raise Timeout

    fault = _caught(sent)
    assert is_foreign(fault)
    assert not is_from_handler(fault)


@pytest.mark.usefixtures("_restored")
def test_a_handlers_exception_inside_of_our_code_reaches_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from graphscope.capture.ops import OpWatch

    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, _late)
    x = torch.ones(2)
    with gs.trace() as t:
        x * 2
        with monkeypatch.context() as patch:
            patch.setattr(OpWatch, "begin", interrupted)
            with pytest.raises(ValueError, match="too late"):
                x * 3
        x * 4
    assert t.faults == {}
    trace = t.last.trace
    assert "ValueError interrupted the recording here" in str(trace.graph.gaps)
    assert [op.name for op in trace.graph.ops] == ["mul", "mul"]
