import pytest

from graphscope.diagram.model import (
    Arrow,
    ArrowKind,
    Box,
    BoxKind,
    Diagram,
    Line,
    Style,
)
from graphscope.render.engines import arrange
from graphscope.render.escape import clean_text
from graphscope.render.geometry import Geometry, Rect, Route, ScopeFrame
from graphscope.render.svg import to_svg, write_svg
from tests.render.pictures import (
    HOSTILE,
    SVG,
    chain,
    one_box,
    parse_xml,
    path,
    product,
    svg_texts,
)

ALLOWED = {"svg", "title", "g", "rect", "path", "polygon", "text"}
ALLOWED_ATTRIBUTES = {
    *("width", "height", "viewBox", "font-family", "role", "aria-labelledby", "id"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray"),
    *("class", "data-arrow", "data-box", "transform", "x", "y", "rx", "d", "points"),
    *("font-size", "font-weight", "text-anchor"),
    "{http://www.w3.org/XML/1998/namespace}space",
}


def test_a_small_picture_as_svg() -> None:
    boxes = (
        Box("v0", BoxKind.INPUT, "x", (Line("3.7"),)),
        Box("op0", BoxKind.OPERATION, "·", (), "net", tooltip="train.py:12\nx * w"),
    )
    arrows = (Arrow("v0", "op0", ArrowKind.CUT, None, "detach()"),)
    diagram = Diagram("train.py", Style.OPERATIONS, boxes, arrows, ("One note.",))
    geometry = Geometry(
        engine="builtin",
        width=112,
        height=131,
        boxes=(Rect(8, 0, 64, 51), Rect(8, 88, 64, 35)),
        routes=(Route(((40, 51), (40, 88)), label=(78.5, 61.5)),),
        scopes=(ScopeFrame("net", Rect(0, 62, 80, 69)),),
    )
    svg = write_svg(diagram, geometry)
    prefix = svg.split('<title id="')[1].split("-title")[0]
    assert svg.replace(prefix, "ID") == (
        '<svg xmlns="http://www.w3.org/2000/svg" width="144" height="219.45"'
        ' viewBox="0 0 144 219.45"'
        ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" role="img"'
        ' aria-labelledby="ID-title">\n'
        ' <title id="ID-title">train.py</title>\n'
        ' <rect width="144" height="219.45" fill="#ffffff" />\n'
        ' <text x="16" y="32.56" font-size="16" font-weight="bold"'
        ' fill="#1a1a1a" xml:space="preserve">train.py</text>\n'
        ' <g transform="translate(16 49.6)">\n'
        '  <g class="scopes" fill="#4a4a4a">\n'
        '   <rect x="0" y="62" width="80" height="69" rx="8" fill="#fafafa"'
        ' stroke="#b8b8b8" />\n'
        '   <text x="8" y="76.39" font-size="11"'
        ' xml:space="preserve">net</text>\n'
        "  </g>\n"
        '  <g class="arrows">\n'
        '   <g class="arrow cut" data-arrow="0">\n'
        '    <path d="M40,51L40,81" fill="none" stroke="#b84e00"'
        ' stroke-width="1.3" stroke-dasharray="6 4" />\n'
        '    <polygon points="40,88 43.5,80 36.5,80" fill="#b84e00" />\n'
        "   </g>\n"
        "  </g>\n"
        '  <g class="boxes" text-anchor="middle">\n'
        '   <g id="ID-0" class="box input" fill="#0b2f25" data-box="v0">\n'
        '    <rect x="8" y="0" width="64" height="51" rx="6" fill="#dcf2ea"'
        ' stroke="#007a5a" stroke-width="1.4" />\n'
        '    <text x="22" y="20.42" font-size="12" fill="#007a5a"'
        ' xml:space="preserve">○</text>\n'
        '    <text x="40" y="22.49" font-size="14" font-weight="bold"'
        ' xml:space="preserve">x</text>\n'
        '    <text x="40" y="39.32" font-size="12"'
        ' xml:space="preserve">3.7</text>\n'
        "   </g>\n"
        '   <g id="ID-1" class="box operation" fill="#1a1a1a" data-box="op0">\n'
        "    <title>train.py:12\n"
        "x * w</title>\n"
        '    <rect x="8" y="88" width="64" height="35" rx="6" fill="#ffffff"'
        ' stroke="#3a3a3a" stroke-width="1.4" />\n'
        '    <text x="22" y="108.42" font-size="12" fill="#3a3a3a"'
        ' xml:space="preserve">□</text>\n'
        '    <text x="40" y="110.49" font-size="14" font-weight="bold"'
        ' xml:space="preserve">·</text>\n'
        "   </g>\n"
        "  </g>\n"
        '  <g class="labels" text-anchor="middle">\n'
        '   <g class="label" data-arrow="0">\n'
        '    <rect x="45.39" y="56.08" width="66.23" height="11.85" rx="2"'
        ' fill="#ffffff" fill-opacity="0.85" />\n'
        '    <text x="78.5" y="65.46" font-size="11" fill="#8f3d00"'
        ' xml:space="preserve">✕ detach()</text>\n'
        "   </g>\n"
        "  </g>\n"
        " </g>\n"
        ' <g class="notes" fill="#4a4a4a">\n'
        '  <text x="16" y="199.98" font-size="11" xml:space="preserve">One'
        " note.</text>\n"
        " </g>\n"
        "</svg>\n"
    )


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_comes_out_as_text(text: str, engine: str) -> None:
    svg = to_svg(one_box(text), engine=engine)
    root = parse_xml(svg.encode())
    literal = clean_text(text)
    # Title, note, scope, box a with title and line, box b, the two arrows.
    expected = [*[literal] * 7, f"✕ {literal}", "○", "◇"]
    if engine == "builtin" and literal not in svg_texts(svg)[1]:
        expected.remove(literal)  # the frame is too narrow for the name of the scope
        assert svg_texts(svg)[1].endswith("…")
        expected.append(svg_texts(svg)[1])
    assert sorted(svg_texts(svg)) == sorted(expected)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ALLOWED
        assert set(element.attrib) <= ALLOWED_ATTRIBUTES
    tooltip = next(g for g in root.iter(f"{SVG}g") if g.get("data-box") == "a")[0]
    assert [clean_text(line) for line in text.splitlines()] == (
        (tooltip.text or "").split("\n")
    )


def test_a_huge_label_is_cut_and_kept_whole_in_the_tooltip() -> None:
    svg = to_svg(one_box("é" * 10_000), engine="builtin")
    in_boxes = [line for line in svg_texts(svg) if line.endswith("…")]
    assert len(in_boxes) == 7
    assert max(map(len, in_boxes)) == 72
    assert float(parse_xml(svg).attrib["width"]) < 1200
    assert "é" * 10_000 in svg


def test_a_box_with_hundreds_of_lines_stays_small() -> None:
    lines = tuple(Line(f"line {i}") for i in range(300))
    box = Box("v", BoxKind.VALUE, "v", lines)
    svg = to_svg(Diagram("", Style.VARIABLES, (box,), ()), engine="builtin")
    assert svg_texts(svg)[-1] == "… 289 more lines"
    assert "line 299" in svg  # in the tooltip


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_ids_are_unique_and_differ_between_pictures(engine: str) -> None:
    def ids(diagram: Diagram) -> list[str]:
        root = parse_xml(to_svg(diagram, engine=engine))
        return [
            element.attrib["id"] for element in root.iter() if "id" in element.attrib
        ]

    one, other = ids(chain(5)), ids(product())
    assert len(one) == len(set(one)) == 6
    assert not set(one) & set(other)


def test_the_picture_and_its_boxes_say_what_they_are() -> None:
    root = parse_xml(to_svg(product(), engine="builtin"))
    title = root[0]
    assert (title.tag, title.text) == (f"{SVG}title", "train.py · step 0")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == title.get("id")
    tooltips = {
        group.get("data-box"): group[0].text
        for group in root.iter(f"{SVG}g")
        if group.get("data-box") and group[0].tag == f"{SVG}title"
    }
    assert tooltips == {"v1": "train.py:12  w\nparameter f32[1]"}


def test_a_cut_is_dashed_and_says_why() -> None:
    root = parse_xml(to_svg(product(), engine="builtin"))
    dashes = {
        group.attrib["class"]: group[0].get("stroke-dasharray")
        for group in root.iter(f"{SVG}g")
        if group.get("class", "").startswith("arrow ")
    }
    assert dashes == {
        "arrow flow": None,
        "arrow data": None,
        "arrow cut": "6 4",
        "arrow update": "2 3",
    }
    assert "✕ detach()" in svg_texts(to_svg(product(), engine="builtin"))


def test_long_notes_are_wrapped_not_cut() -> None:
    note = " ".join(f"word{i}" for i in range(60))
    diagram = Diagram("t", Style.OPERATIONS, (), (), (note,))
    svg = to_svg(diagram, engine="builtin")
    assert " ".join(svg_texts(svg)[1:]) == note
    assert max(map(len, svg_texts(svg))) <= 60
    assert float(parse_xml(svg).attrib["width"]) < 500


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_labels_of_arrows_stand_clear_of_boxes(engine: str) -> None:
    boxes = [Box(f"n{i}", BoxKind.VALUE, f"value {i}", (Line("x"),)) for i in range(16)]
    arrows = [
        Arrow(f"n{i}", f"n{j}", label=Line(f"∂{j}/∂{i} = −0.1301"))
        for i in range(16)
        for j in (2 * i + 1, 2 * i + 2)
        if j < 16
    ]
    diagram = Diagram("tree", Style.VARIABLES, tuple(boxes), tuple(arrows))
    geometry = arrange(diagram, engine=engine)
    for route in geometry.routes:
        assert route is not None
        assert route.label is not None
        x, y = route.label
        for box in geometry.boxes:
            is_clear_x = x + 40 < box.x or box.right < x - 40
            assert is_clear_x or y + 5 < box.y or box.bottom < y - 5


def test_a_marked_path_is_heavier_coloured_and_on_top() -> None:
    root = parse_xml(to_svg(path(), engine="builtin"))
    groups = [
        g
        for g in root.iter(f"{SVG}g")
        if g.get("class", "").split(" ")[0] in ("arrow", "box", "label")
    ]
    looks = [
        (g.attrib["class"], shape.get("stroke"), shape.get("stroke-width"))
        for g in groups
        for shape in g
        if shape.tag in (f"{SVG}path", f"{SVG}rect")
    ]
    assert looks == [
        ("arrow data", "#bababa", "1.3"),
        ("arrow flow on-path", "#d55e00", "3.2"),
        ("arrow flow on-path", "#d55e00", "3.2"),
        ("box input", "#80bcac", "1.4"),
        ("box parameter on-path", "#d55e00", "3.2"),
        ("box operation on-path", "#d55e00", "3.2"),
        ("box root on-path", "#d55e00", "3.2"),
        ("label on-path", None, None),
    ]
    numbers = [g.get("data-arrow") for g in groups]
    assert numbers == ["0", "1", "2", None, None, None, None, "1"]
