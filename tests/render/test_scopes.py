from collections.abc import Iterator

from graphscope.diagram.model import Arrow, Box, BoxKind, Diagram, Style
from graphscope.render.engines import arrange
from graphscope.render.geometry import Rect
from graphscope.render.scopes import ScopeGroup, group_by_scope
from graphscope.render.svg import to_svg
from tests.render.pictures import SVG, parse_xml


def boxes_in(*scopes: str) -> tuple[Box, ...]:
    return tuple(
        Box(f"n{i}", BoxKind.OPERATION, f"op {i}", scope=scope)
        for i, scope in enumerate(scopes)
    )


def outline(group: ScopeGroup, depth: int = 0) -> Iterator[str]:
    for inner in group.groups.values():
        yield f"{'  ' * depth}{inner.label} {inner.boxes}"
        yield from outline(inner, depth + 1)


def test_scopes_nest_and_those_that_only_hold_another_are_joined() -> None:
    boxes = boxes_in("", "encoder.0.attn", "encoder.0.attn", "encoder.0", "head.out")
    assert list(outline(group_by_scope(boxes))) == [
        "encoder.0 [3]",
        "  attn [1, 2]",
        "head.out [4]",
    ]


def test_very_deep_scopes_share_a_frame() -> None:
    boxes = boxes_in(
        *(".".join(f"m{i}" for i in range(depth)) for depth in range(1, 2000))
    )
    root = group_by_scope(boxes)
    assert sorted(root.members()) == list(range(1999))
    assert max(line.count("  ") for line in outline(root)) == 11


def test_a_frame_of_the_own_layout_holds_no_stranger() -> None:
    def contains(frame: Rect, box: Rect) -> bool:
        return frame.x < box.center[0] < frame.right and (
            frame.y < box.center[1] < frame.bottom
        )

    # Two scopes take turns, so that their boxes cannot stand together; the last does.
    boxes = boxes_in("a", "b", "a", "b", "c.d", "c.d")
    arrows = tuple(Arrow(f"n{i}", f"n{i + 1}") for i in range(5))
    diagram = Diagram("", Style.OPERATIONS, boxes, arrows)
    geometry = arrange(diagram, engine="builtin")
    assert [scope.label for scope in geometry.scopes] == ["c.d"]
    frame = geometry.scopes[0].rect
    held = [contains(frame, box) for box in geometry.boxes]
    assert held == [False, False, False, False, True, True]
    assert frame.x >= 0
    assert frame.right <= geometry.width


def test_frames_are_drawn_below_everything_else() -> None:
    diagram = Diagram("", Style.OPERATIONS, boxes_in("net", "net"), ())
    drawing = parse_xml(to_svg(diagram, engine="wasm")).findall(f"{SVG}g")[0]
    layers = [group.get("class") for group in drawing]
    assert layers == ["scopes", "arrows", "boxes", "labels"]
    frame, label = drawing[0]
    assert (frame.tag, label.text) == (f"{SVG}rect", "net")


def test_a_collapsed_module_needs_no_frame_of_its_own() -> None:
    boxes = tuple(
        Box(f"n{i}", BoxKind.MODULE, f"blocks.{i}", scope=f"blocks.{i}")
        for i in range(2)
    )
    assert list(outline(group_by_scope(boxes))) == ["blocks [0, 1]"]
