"""What each key does."""

from pathlib import Path

import pytest
from textual.widgets import Input

from graphscope.diagram.model import Style
from graphscope.tui.dialogs import Help, Question, SearchDialog
from graphscope.tui.keys import KEYS
from graphscope.tui.state import Position, View
from tests.samples import logistic_trace
from tests.tui.screens import (
    SMALL,
    first_events,
    logistic_app,
    open_app,
    pane,
    pane_lines,
    press,
    running,
    screen_lines,
    screen_text,
)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


PLACES: list[tuple[str, tuple[int, int]]] = [
    ("n", (0, 1)),
    ("right right", (0, 2)),
    ("n n p", (0, 1)),
    ("n left", (0, 0)),
    ("p", (0, 0)),
    ("N", (1, 0)),
    ("N N N N N", (2, 0)),
    ("N P", (0, 0)),
    ("P", (0, 0)),
    ("end", (0, 11)),
    ("end n", (1, 0)),
    ("N p", (0, 11)),
    ("end home", (0, 0)),
    ("b", (0, 5)),
    ("u", (0, 11)),
    ("u f", (0, 0)),
    ("b N", (1, 5)),
]


async def test_keys_move_through_events_and_steps() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        for keys, (step, event) in PLACES:
            app.go(Position())
            await press(pilot, *keys.split())

            assert (keys, app.position.step, app.position.event) == (keys, step, event)
            assert f"step {step}/2 · event {event + 1}/12" in screen_lines(app)[0]


async def test_the_selection_follows_the_op_whose_grad_node_runs() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        marked = []
        for key in ("b", "n", "n", "n", "n", "n", "n"):
            await press(pilot, key)
            rows = [row for row in pane_lines(app, "graph") if "▶" in row]
            marked.append([row.split("▶")[1].split()[0] for row in rows])

    # BCE, sigmoid, add, accumulate b, mul, accumulate w_1, the update of both
    assert marked == [["l"], ["a"], ["z"], ["b"], ["u"], ["w_1"], ["w_1", "b"]]


async def test_the_arrows_select_without_moving_in_time() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "down", "down")
        assert app.position.event == 0
        assert str(pane(app, "inspector").border_title) == "z"

        await press(pilot, "up", "up", "up", "up", "up", "up")
        assert str(pane(app, "inspector").border_title) == r"x_1"


async def test_the_selection_stays_on_its_node_from_step_to_step() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        await press(pilot, "down", "N")

        assert str(pane(app, "inspector").border_title) == "b"
        assert "value      0.063" in pane_lines(app, "inspector")[1]


async def test_v_shows_boxes_and_rows_again() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "v")
        assert app.position.view is View.BOXES
        assert any("▶─" in row for row in pane_lines(app, "graph"))

        await press(pilot, "v")
        assert pane_lines(app, "graph")[2].startswith("●─┘ ▶ u")


async def test_s_shows_local_derivatives() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "s", "end")
        assert app.position.style is Style.VARIABLES
        assert "∂z/∂u = 1  ∂z/∂b = 1" in pane_lines(app, "graph")[4]

        await press(pilot, "v")
        assert any("∂z/∂u = 1" in row for row in pane_lines(app, "graph"))


async def test_search_shows_matches_and_enter_goes_there() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "slash", "s", "i", "g")
        assert isinstance(app.screen, SearchDialog)
        assert any(" a                  sigmoid(z)" in row for row in screen_lines(app))

        await press(pilot, "enter")
        assert str(pane(app, "inspector").border_title) == "a"
        assert app.position.event == 0


async def test_the_second_match_is_one_key_away() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        # the name b comes first, then the expression u + b
        await press(pilot, "slash", "b", "down", "enter")

        assert str(pane(app, "inspector").border_title) == "z"


async def test_an_unknown_name_says_which_names_are_near() -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "slash", "w", "1")
        text = screen_text(app)
        assert "Nothing is called 'w1'. Nearest names: w_1," in text

        await press(pilot, "enter")
        assert isinstance(app.screen, SearchDialog)

        await press(pilot, "escape")
        assert not isinstance(app.screen, SearchDialog)


async def test_g_goes_to_a_step_by_its_number_and_refuses_others() -> None:
    app = logistic_app(30)
    async with running(app) as pilot:
        await press(pilot, "g", "3", "0", "enter")
        assert "There is no step 30: the recording has steps 0 to 29." in screen_text(
            app
        )

        await press(pilot, "backspace", "backspace", "x", "enter")
        assert "Write the number of a step." in screen_text(app)

        await press(pilot, "backspace", "1", "7", "enter")
        assert app.position.step == 17


async def test_e_writes_the_current_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = logistic_app(5)
    async with running(app) as pilot:
        await press(pilot, "N", "N", "e")
        assert app.screen.query_one(Input).value == "step-2.svg"

        app.screen.query_one(Input).value = "step-2.txt"
        await press(pilot, "enter")

        assert "u = x_1 * w_1" in (tmp_path / "step-2.txt").read_text("utf-8")
        assert "Wrote step-2.txt" in screen_text(app)


async def test_an_existing_file_is_overwritten_only_when_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "step-0.txt"
    target.write_text("mine", "utf-8")
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "e")
        app.screen.query_one(Input).value = "step-0.txt"
        await press(pilot, "enter")
        assert isinstance(app.screen, Question)
        assert "step-0.txt exists. Press enter again to overwrite it." in screen_text(
            app
        )
        assert target.read_text("utf-8") == "mine"

        await press(pilot, "enter")
        assert target.read_text("utf-8") != "mine"


async def test_an_export_that_fails_says_why_and_the_screen_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = logistic_app(2)
    async with running(app) as pilot:
        await press(pilot, "e")
        app.screen.query_one(Input).value = "picture.xyz"
        await press(pilot, "enter")

        assert ".xyz" in screen_text(app)
        assert names_in(tmp_path) == []
        await press(pilot, "n")
        assert app.position.event == 1


async def test_help_lists_every_key_and_closes_again() -> None:
    app = logistic_app(2)
    async with running(app, (100, 50)) as pilot:
        await press(pilot, "question_mark")
        text = screen_text(app)
        assert [key.meaning for key in KEYS if key.meaning not in text] == []
        assert "▶  the current event; in backward the op whose" in text
        assert f"│ {'':18}gradient is computed " in text

        await press(pilot, "q")
        assert not isinstance(app.screen, Help)
        assert app.is_running


async def test_tab_goes_from_pane_to_pane_and_up_and_down_scroll_there() -> None:
    app = logistic_app(2)
    async with running(app, SMALL) as pilot:
        await press(pilot, "tab", "tab")
        assert app.focused is pane(app, "source")
        before = pane(app, "source").scroll_offset.y

        await press(pilot, "down")
        assert pane(app, "source").scroll_offset.y == before + 1
        assert app.position.selection == 2


async def test_m_gives_a_pane_the_whole_screen_and_takes_it_back() -> None:
    app = logistic_app(2)
    async with running(app, SMALL) as pilot:
        await press(pilot, "m")
        assert pane(app, "graph").region.height > 20

        await press(pilot, "m")
        assert pane(app, "graph").region.height < 15


async def test_a_jump_to_a_missing_phase_says_so() -> None:
    app = open_app([first_events(logistic_trace(), 4)])
    async with running(app) as pilot:
        await press(pilot, "n", "b")

        assert "This step has no backward phase." in screen_text(app)
        assert app.position.event == 1


async def test_q_quits() -> None:
    app = logistic_app(2)
    async with app.run_test() as pilot:
        await pilot.press("q")
    assert not app.is_running


async def test_every_binding_has_an_id_and_a_tooltip_of_its_own() -> None:
    bindings = [key.to_binding() for key in KEYS]

    assert len({binding.id for binding in bindings}) == len(bindings)
    assert all(binding.tooltip for binding in bindings)


async def test_the_palette_lists_every_action_and_goes_to_nodes() -> None:
    app = logistic_app(2)
    async with running(app, (100, 60)) as pilot:
        await press(pilot, "ctrl+p")
        await press(pilot, *"sigmoid")
        assert "Go to node a = sigmoid(z)" in screen_text(app)

        await press(pilot, "down", "enter")
        assert str(pane(app, "inspector").border_title) == "a"
