"""Whatever a program calls its variables, pictures of it stay whole."""

from hypothesis import given, settings, strategies as st

from graphscope.render.dot import to_dot
from graphscope.render.escape import clean_text
from graphscope.render.svg import to_svg
from graphscope.render.wasm import run_wasm
from tests.render.pictures import one_box, svg_texts

ANY_TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from('\\"<>&;{}|\n\x00\x1b]#aNlr'), st.characters(codec=None)
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT)
def test_an_svg_says_it_literally(text: str) -> None:
    assert svg_texts(to_svg(one_box(text), engine="builtin"))[0] == clean_text(text)


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT)
def test_graphviz_says_it_literally(text: str) -> None:
    drawn = svg_texts(run_wasm(to_dot(one_box(text)), output="svg", timeout_s=60))
    # Graphviz writes runs of spaces as no-break spaces.
    plain = [line.replace("\xa0", " ") for line in drawn]
    assert f"○ {clean_text(text)}".replace("\xa0", " ") in plain
