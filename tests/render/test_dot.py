import pytest

from graphscope.diagram.model import Box, BoxKind, Diagram, Style
from graphscope.render.dot import to_dot, to_layout_dot
from graphscope.render.escape import clean_text
from graphscope.render.wasm import run_wasm
from tests.render.pictures import (
    HOSTILE,
    chain,
    one_box,
    path,
    product,
    svg_texts,
)


def texts_drawn_by_graphviz(source: str) -> list[str]:
    return svg_texts(run_wasm(source, output="svg", timeout_s=60))


def test_a_diagram_with_scopes_a_cut_and_an_update_as_dot() -> None:
    assert to_dot(product()) == (
        "digraph {\n"
        '\tgraph [bgcolor="#ffffff" fontcolor="#4a4a4a" fontname=Courier fontsize=16'
        r' label="train.py · step 0\lModules deeper than 2 are closed.\l" labeljust=l'
        " labelloc=t nodesep=0.4 rankdir=TB ranksep=0.45]\n"
        "\tnode [fontname=Courier fontsize=12 margin=0 shape=box"
        ' style="filled,rounded"]\n'
        "\tedge [arrowsize=0.7 fontname=Courier fontsize=11]\n"
        '\tv0 [color="#007a5a" fillcolor="#dcf2ea" fontcolor="#0b2f25" height=0.7083'
        r' label="○ x\n3.7" width=0.8889]'
        "\n"
        '\te1 [color="#a3447d" fillcolor="#f7e1ee" fontcolor="#3a1029" height=0.7083'
        r' label="↻ SGD\nlr 0.1" width=1.1250]'
        "\n"
        "\tsubgraph cluster_1_0 {\n"
        '\t\tgraph [color="#b8b8b8" fontcolor="#4a4a4a" fontname=Courier fontsize=11'
        " label=net labeljust=l style=rounded]\n"
        '\t\tv2 [color="#2f83b5" fillcolor="#e4f3fc" fontcolor="#0f2a3a" height=0.4861'
        ' label="◇ copy" width=1.2500]\n'
        "\t\tsubgraph cluster_1_1 {\n"
        '\t\t\tgraph [color="#b8b8b8" fontcolor="#4a4a4a" fontname=Courier'
        " fontsize=11 label=layer labeljust=l style=rounded]\n"
        '\t\t\tv1 [color="#0072b2" fillcolor="#d6e9f8" fontcolor="#0b2a3f"'
        r' height=0.9306 label="● w\n0.5\n∂ −0.4814"'
        r' tooltip="train.py:12  w\nparameter f32[1]" width=1.2361]'
        "\n"
        '\t\t\top0 [color="#3a3a3a" fillcolor="#ffffff" fontcolor="#1a1a1a"'
        r' height=0.7083 label="□ *\nu = x * w" width=1.2361]'
        "\n"
        "\t\t}\n"
        "\t}\n"
        '\tv0 -> op0 [color="#767676" fontcolor="#5a5a5a"]\n'
        '\tv1 -> op0 [color="#3a3a3a" fontcolor="#1a1a1a" label="∂ −0.4814"]\n'
        '\top0 -> v2 [color="#b84e00" fontcolor="#8f3d00" label="✕ detach()"'
        " style=dashed]\n"
        '\tv1 -> e1 [color="#a3447d" fontcolor="#83305f" style=dotted weight=0]\n'
        "}\n"
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_graphviz_draws_every_label_as_it_is(text: str) -> None:
    drawn = texts_drawn_by_graphviz(to_dot(one_box(text)))
    literal = clean_text(text)
    # Title, note, scope, box a with title and line, box b, the two arrows.
    expected = [literal] * 5 + [f"○ {literal}", f"◇ {literal}", f"✕ {literal}"]
    plain = [line.replace("\N{NO-BREAK SPACE}", " ") for line in drawn]
    assert sorted(plain) == sorted(expected)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_word_of_the_user_reaches_a_layout_engine(text: str) -> None:
    source = to_layout_dot(one_box(text))
    assert source == to_layout_dot(one_box(text.replace("a", "b").replace("N", "M")))


def test_box_ids_with_colons_and_quotes_are_names_not_ports() -> None:
    boxes = (
        Box('scope:net.0:"n', BoxKind.MODULE, "a"),
        Box("<b>", BoxKind.MODULE, "b"),
    )
    diagram = Diagram("", Style.OPERATIONS, boxes, ())
    lines = to_dot(diagram).splitlines()
    assert lines[4].startswith('\t"scope:net.0:\\"n" [')
    assert lines[5].startswith('\t"<b>" [')


def test_a_title_that_looks_like_a_number_or_keyword_stays_text() -> None:
    boxes = tuple(
        Box(f"v{i}", BoxKind.CONSTANT, title)
        for i, title in enumerate(("3.50", "node", "-.5"))
    )
    drawn = texts_drawn_by_graphviz(to_dot(Diagram("", Style.VARIABLES, boxes, ())))
    assert drawn == ["· 3.50", "· node", "· -.5"]


def test_large_graphs_limit_the_search_for_shorter_arrows() -> None:
    assert "nslimit" not in to_dot(chain(200))
    assert "mclimit=0.5 nodesep=0.4 nslimit=2 nslimit1=2" in to_dot(chain(201))


def test_a_marked_path_is_drawn_with_a_wider_pen() -> None:
    lines = [line.strip() for line in to_dot(path()).splitlines()]
    wide = [line.split(" [")[0] for line in lines if "penwidth=3" in line]
    strong = [line.split(" [")[0] for line in lines if 'color="#d55e00"' in line]
    assert wide == ["v1", "op0", "v2", "v1 -> op0", "op0 -> v2"]
    assert strong == wide
    assert 'v0 -> op0 [color="#bababa" fontcolor="#6a6a6a"]' in lines
