"""What a process tells, or a script prints, is shown as text whatever it contains."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from graphscope.debugger.state import Activity, BreakpointState, SeatState
from graphscope.debugger.verbs import Verb
from tests.tui.live.driving import live, until
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import SMALL, screen_lines, screen_text
from tests.tui.test_bad_input import FORBIDDEN, HOSTILE


@pytest.mark.parametrize("text", [*HOSTILE[:2], " ".join(HOSTILE[3:7]), "n" * 500])
async def test_hostile_states_and_answers_are_text(
    training: FakeTraining, tmp_path: Path, text: str
) -> None:
    log = tmp_path / "log"
    log.write_text(f"{text}\n" * 3, "utf-8")
    training.pause(2, 1, reason=text)
    training.tell(title=text, site=text, scope=text, problem=text)
    second = SeatState(1, text, "/nowhere", Activity.WAITING, waits_in=text)
    stop = BreakpointState(1, text, problem=text)
    training.update(rank=text, seats=(training.seat, second), breakpoints=(stop,))
    training.refusals = dict.fromkeys(Verb, f"{text}\n{text}")
    async with live(training, log=log, size=SMALL) as (app, pilot):
        for keys in (
            ("B", "e", "enter", "space"),
            ("L", "2", "space", "1"),
            ("a", "ctrl+u", "z", "enter"),
            ("escape", "W", "a", "enter", "escape", "R", "P", "x", "x"),
        ):
            await pilot.press(*keys)
            await until(pilot, lambda: not app.switchboard.is_waiting)
            assert not FORBIDDEN & set(screen_text(app))
            assert all(cell_len(line) <= SMALL[0] for line in screen_lines(app))
        training.update(ending=text or "over", is_failed=True)
        training.lose(text)
        await until(pilot, lambda: app.roster.is_over)

        assert not FORBIDDEN & set(screen_text(app))
        assert app.is_running
