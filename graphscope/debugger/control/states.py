"""A process's state as JSON that always fits into one message, and back."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Final, TypeVar

from graphscope.debugger.control.fields import Fields
from graphscope.debugger.control.wire import LIMIT_BYTES
from graphscope.debugger.state import (
    Activity,
    BreakpointState,
    ProcessState,
    SeatState,
)

MOST_SEATS: Final = 64
MOST_BREAKPOINTS: Final = 100
LONGEST_LINE: Final = 300
"""Longest text of a state that is not a path."""
LONGEST_PATH: Final = 4096

_HIGHEST: Final = 2**31 - 1  # of a seat, breakpoint, process
_ROOM_BYTES: Final = LIMIT_BYTES - 64  # what surrounds the state in its message
_CAPS: Final = (
    (LONGEST_LINE, LONGEST_PATH),
    (LONGEST_LINE, 700),
    (100, 400),
    (30, 200),
    (8, 100),
    (2, 2),
)
"""Longest line and path, ever shorter: the first that fit are taken."""

Item = TypeVar("Item")


def state_to_json(state: ProcessState) -> dict[str, object]:
    """Return what a message says of `state`: all of it, or as much as fits.

    Lone surrogates become `�`. Of too many threads those that have ended go first.
    Long texts are cut at their end, a path that is too long for the room is empty.
    """
    content: dict[str, object] = {}
    few = replace(
        state,
        seats=_fewer_seats(state.seats),
        breakpoints=state.breakpoints[:MOST_BREAKPOINTS],
    )
    for line, path in _CAPS:
        content = asdict(_cut(few, line=line, path=path))
        if _count_bytes(content) <= _ROOM_BYTES:
            break
    return content


def state_from_json(content: object) -> ProcessState:
    """Return the state that a message tells.

    Raises:
        MessageError: It is none.
    """
    fields = Fields(content)
    state = ProcessState(
        pid=fields.number("pid", highest=_HIGHEST),
        script=fields.text("script", LONGEST_PATH),
        rank=fields.text("rank", LONGEST_LINE),
        seats=_each(fields.items("seats", MOST_SEATS), _seat),
        breakpoints=_each(fields.items("breakpoints", MOST_BREAKPOINTS), _breakpoint),
        is_controlled=fields.flag("is_controlled"),
        ending=fields.text("ending", LONGEST_LINE),
        is_failed=fields.flag("is_failed"),
    )
    fields.end()
    return state


def _each(
    contents: Sequence[object], decode: Callable[[object], Item]
) -> tuple[Item, ...]:
    return tuple(decode(content) for content in contents)


def _seat(content: object) -> SeatState:
    fields = Fields(content)
    seat = SeatState(
        seat=fields.number("seat", highest=_HIGHEST),
        thread=fields.text("thread", LONGEST_LINE),
        recording=fields.text("recording", LONGEST_PATH),
        activity=fields.choice("activity", Activity),
        step=fields.number("step"),
        event=fields.number("event", lowest=-1),
        is_before=fields.flag("is_before"),
        title=fields.text("title", LONGEST_LINE),
        site=fields.text("site", LONGEST_LINE),
        scope=fields.text("scope", LONGEST_LINE),
        reason=fields.text("reason", LONGEST_LINE),
        problem=fields.text("problem", LONGEST_LINE),
        waits_in=fields.text("waits_in", LONGEST_LINE),
    )
    fields.end()
    return seat


def _breakpoint(content: object) -> BreakpointState:
    fields = Fields(content)
    state = BreakpointState(
        number=fields.number("number", highest=_HIGHEST),
        text=fields.text("text", LONGEST_LINE),
        is_enabled=fields.flag("is_enabled"),
        is_once=fields.flag("is_once"),
        hits=fields.number("hits"),
        problem=fields.text("problem", LONGEST_LINE),
    )
    fields.end()
    return state


def _fewer_seats(seats: tuple[SeatState, ...]) -> tuple[SeatState, ...]:
    excess = len(seats) - MOST_SEATS
    if excess <= 0:
        return seats
    ended = [seat for seat in seats if seat.activity is Activity.ENDED][:excess]
    gone = {seat.seat for seat in ended}
    return tuple(seat for seat in seats if seat.seat not in gone)[:MOST_SEATS]


def _cut(state: ProcessState, *, line: int, path: int) -> ProcessState:
    return replace(
        state,
        script=_cut_line(state.script, path),
        rank=_cut_line(state.rank, line),
        ending=_cut_line(state.ending, line),
        seats=tuple(_cut_seat(seat, line=line, path=path) for seat in state.seats),
        breakpoints=tuple(
            replace(
                point,
                text=_cut_line(point.text, line),
                problem=_cut_line(point.problem, line),
            )
            for point in state.breakpoints
        ),
    )


def _cut_seat(seat: SeatState, *, line: int, path: int) -> SeatState:
    return replace(
        seat,
        thread=_cut_line(seat.thread, line),
        recording=_clean(seat.recording) if len(seat.recording) <= path else "",
        title=_cut_line(seat.title, line),
        site=_cut_line(seat.site, line),
        scope=_cut_line(seat.scope, line),
        reason=_cut_line(seat.reason, line),
        problem=_cut_line(seat.problem, line),
        waits_in=_cut_line(seat.waits_in, line),
    )


def _cut_line(text: str, longest: int) -> str:
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return _clean(text)


def _clean(text: str) -> str:
    if text.isascii():
        return text
    return "".join("�" if "\ud800" <= char <= "\udfff" else char for char in text)


def _count_bytes(content: dict[str, object]) -> int:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode())
