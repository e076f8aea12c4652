"""The debugger in a real terminal: keys are pressed, and the screen is read."""

import re
import shutil
from pathlib import Path

from tests.cli.screen import ROOT, Screen, terminal

LIVE = ROOT / "demos" / "live"


def demo(folder: Path, name: str) -> str:
    shutil.copy(LIVE / name, folder / name)
    return name


def step_of(screen: str) -> tuple[int, int]:
    """Return the step and the event that the header names."""
    found = re.search(r"step (\d+)/\d+ · event (\d+)/", screen)
    assert found, screen
    return int(found[1]), int(found[2])


def step_to(screen: Screen, wanted: str, key: str = "Space") -> str:
    """Press a key until the event's line says `wanted`; return the screen."""
    shown = screen.text()
    for _ in range(80):
        if wanted in shown:
            return shown
        shown = screen.step(key)
    raise AssertionError(f"{wanted!r} never came:\n{shown}")


def add_breakpoint(screen: Screen, text: str) -> None:
    screen.press("a")
    screen.wait_for("add a breakpoint")
    screen.change("C-u")
    screen.type(text)
    screen.wait_for("paused", but_not="add a breakpoint")


def stop(screen: Screen) -> None:
    """Stop the training and leave."""
    screen.press("K")
    screen.wait_for("Stop the training?")
    screen.press("y")
    screen.wait_for("■", but_not="Stop the training?")
    screen.press("q")
    screen.wait_for("ended with 130")


def test_a_line_is_stepped_through_watched_and_stopped(tmp_path: Path) -> None:
    with terminal(tmp_path, "run", demo(tmp_path, "linear_regression.py")) as screen:
        screen.wait_for("⏸ paused", "NOW", "x", "6.7")
        shown = step_to(screen, "▶ loss = pow")
        assert "128.55" in shown
        assert "∂" not in shown  # nothing has come back yet
        # Backward node by node: d² has its gradient 1 and has not run.
        shown = step_to(screen, "▶ about to run: PowBackward0")
        assert re.search(r"loss .* 128\.55 +∂ +1 ", shown), shown
        assert not re.search(r"y_hat .*∂", shown), shown
        shown = step_to(screen, "▶ accumulate w")
        # 2 · (−0.34 · 6.7 + 0.04 − 9.1) · 6.7 = −151.93
        assert re.search(r"w .*−0\.34 +∂ −151\.929", shown), shown

        add_breakpoint(screen, "b if step == 7")
        screen.press("r")
        shown = screen.wait_for("breakpoint 1: b if step == 7", "NOW", "step 7/7")
        screen.press("P", "P", "P", "P")
        shown = screen.wait_for("PAST · step 3, now is step 7")
        assert step_of(shown)[0] == 3
        assert "72.1472" in shown  # the loss of step 3
        screen.press(".")
        shown = screen.wait_for("NOW", but_not="PAST")
        assert step_of(shown)[0] == 7
        stop(screen)
    assert (tmp_path / "linear_regression.gscope").exists()


def test_two_layers_with_adam_are_debugged_on_a_small_screen(tmp_path: Path) -> None:
    arguments = ("run", demo(tmp_path, "mlp_adam.py"))
    with terminal(tmp_path, *arguments, columns=80, rows=24) as screen:
        screen.wait_for("⏸ paused", "NOW")
        add_breakpoint(screen, "fc2 if step == 3")
        screen.press("r")
        shown = screen.wait_for("fc2 if step == 3", "NOW", "step 3/3")
        screen.press("h")
        screen.wait_for("next phase")
        now, _ = step_of(step_to(screen, "▶ Adam", key="h"))
        screen.press("P", "P")
        screen.wait_for(f"PAST · step {now - 2}, now is step {now}")
        screen.press(".")
        screen.wait_for("NOW", but_not="PAST")
        screen.press("S")
        shown = screen.wait_for("next step", f"step {now + 1}/{now + 1}")
        assert step_of(shown) == (now + 1, 1)
        stop(screen)


def test_a_gan_is_debugged_through_both_of_its_optimizers(tmp_path: Path) -> None:
    with terminal(tmp_path, "run", demo(tmp_path, "gan.py")) as screen:
        screen.wait_for("⏸ paused", "NOW")
        add_breakpoint(screen, "Adam")
        updates: list[int] = []
        for _ in range(4):
            screen.press("r")
            wanted = f"step {len(updates)}/"
            shown = screen.wait_for("breakpoint 1: Adam", wanted, "NOW")
            updates.append(step_of(shown)[0])
        assert updates == [0, 1, 2, 3]
        screen.press("P", "P")
        screen.wait_for("PAST · step 1, now is step 3")
        screen.press(".")
        screen.wait_for("NOW", but_not="PAST")
        stop(screen)


def test_a_nan_ends_a_headless_run_and_view_opens_there(tmp_path: Path) -> None:
    arguments = ["run", "--headless", "--until", "has_nan"]
    with terminal(tmp_path, *arguments, demo(tmp_path, "nan_at_812.py")) as screen:
        screen.wait_for("at step 812, event 8: p * log_p = mul", "ended with 3")
    with terminal(tmp_path, "view", "nan_at_812.gscope") as screen:
        shown = screen.wait_for("step 812/812", "p * log_p")
        assert "NaN" in shown or "nan" in shown, shown


def test_ctrl_c_pauses_and_twice_asks_to_stop(tmp_path: Path) -> None:
    source = (LIVE / "mlp_adam.py").read_text().replace("range(50)", "range(10**6)")
    (tmp_path / "long.py").write_text(source)
    with terminal(tmp_path, "run", "--continue", "long.py") as screen:
        screen.wait_for("▶ running", "step")
        screen.press("C-c")
        screen.wait_for("⏸ paused")
        screen.press("C-c", "C-c")
        screen.wait_for("Stop the training?")
        screen.press("y")
        screen.wait_for("■", but_not="Stop the training?")
        screen.press("q")
        screen.wait_for("ended with 130")


def test_a_script_that_raises_opens_where_it_did(tmp_path: Path) -> None:
    source = (LIVE / "mlp_adam.py").read_text()
    source = source.replace("nn.Linear(8, 1)", "nn.Linear(7, 1)")
    (tmp_path / "broken.py").write_text(source)
    with terminal(tmp_path, "run", "--continue", "broken.py") as screen:
        shown = screen.wait_for("RuntimeError", "mat1 and mat2", "fc2")
        assert "f32[4, 8]" in shown, shown
        assert "f32[1, 7]" in shown or "f32[7, 1]" in shown, shown
        screen.press("L")
        screen.wait_for("return F.linear(", "│RuntimeError: mat1 and mat2")
        screen.press("BTab", *["PPage"] * 6)
        screen.wait_for("Traceback (most recent call last)")
        screen.press("q")
        screen.wait_for("ended with 1")
