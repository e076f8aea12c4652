from graphscope.model.finding import Finding, PathStep
from graphscope.model.site import Site
from graphscope.render.text.findings import finding_lines, path_lines


def at(line: int) -> Site:
    return Site("/home/me/train.py", line, line, 0, 9, "<module>", "")


CUT = Finding(
    kind="none-grad",
    title="`w` has no gradient",
    explanation="The only way from `w` to `loss` is cut.",
    remedy="Take `.detach()` out of line 13.",
    step=0,
    site=at(13),
    paths=(
        (
            PathStep("w", at(12)),
            PathStep("h = (w * x).detach()", at(13), mark="cut by detach()"),
            PathStep("loss", at(140)),
        ),
        (PathStep("w", at(12)),),
    ),
    unknown=("Cannot tell more because the step has a gap.",),
)


def test_a_finding_is_title_sentences_paths_what_is_unknown_and_the_remedy() -> None:
    assert "\n".join(finding_lines(CUT, width=80)) == (
        "`w` has no gradient (train.py:13)\n"
        "  The only way from `w` to `loss` is cut.\n"
        "  ╭ w                     train.py:12\n"
        "  │ h = (w * x).detach()  train.py:13   ← cut by detach()\n"
        "  ╰ loss                  train.py:140\n"
        "  ─ w                     train.py:12\n"
        "  Cannot tell more because the step has a gap.\n"
        "  → Take `.detach()` out of line 13."
    )


def test_no_line_is_wider_than_asked_for_and_places_and_marks_stay_whole() -> None:
    lines = finding_lines(CUT, width=48)
    assert lines[2:6] == [
        "  ╭ w            train.py:12",
        "  │ h = (w * x…  train.py:13   ← cut by detach()",
        "  ╰ loss         train.py:140",
        "  ─ w            train.py:12",
    ]
    assert max(map(len, lines)) <= 48


def test_a_path_without_lines_and_marks_has_no_columns_for_them() -> None:
    path = (PathStep("w"), PathStep("h"))
    assert path_lines([path], width=80) == ["  ╭ w", "  ╰ h"]


def test_text_of_a_recording_cannot_move_the_cursor() -> None:
    path = (PathStep("w\x1b[2J", mark="a\nb"),)
    assert path_lines([path], width=80) == ["  ─ w␛[2J  ← a␊b"]


def test_words_begin_on_the_next_line_below_the_title() -> None:
    assert finding_lines(CUT, width=24, head="1. ")[:2] == [
        "1. `w` has no gradient",
        "  (train.py:13)",
    ]
