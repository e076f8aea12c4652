"""The table of keys: no two in the way of each other, all in the help."""

from collections import Counter

from graphscope.tui.live.keys import LIVE_KEYS, MORE_SEATS
from tests.tui.live.driving import live, shows
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import screen_text


def test_no_key_and_no_id_is_there_twice() -> None:
    bindings = [*(key.to_binding() for key in LIVE_KEYS), *MORE_SEATS]
    keys = Counter(key for binding in bindings for key in binding.key.split(","))

    assert [key for key, count in keys.items() if count > 1] == []
    assert len({binding.id for binding in bindings}) == len(bindings)


async def test_the_help_lists_all_keys_and_the_palette_runs_them(
    training: FakeTraining,
) -> None:
    training.pause(1, 1)
    async with live(training, size=(100, 70)) as (_, pilot):
        await shows(pilot, "NOW")
        await pilot.press("question_mark")
        await shows(pilot, "Stop the training")
        text = screen_text(pilot.app)  # type: ignore[arg-type]
        assert [key.meaning for key in LIVE_KEYS if key.meaning not in text] == []

        await pilot.press("escape", "ctrl+p", *"show the breakp")
        await shows(pilot, "Show the breakpoints")
        await pilot.press("down", "enter")
        await shows(pilot, "╭─ breakpoints")
