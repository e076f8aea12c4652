import html
import re

import pytest
from hypothesis import given, strategies as st

from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Diagram, Style
from graphscope.render.escape import clean_text
from graphscope.render.mermaid import escape_label, to_mermaid
from tests.diagram import cases
from tests.render.pictures import path


def test_the_quadratic_as_a_flowchart() -> None:
    assert (
        to_mermaid(build_diagram(cases.quadratic()))
        == """\
---
title: "train.py · step 0"
---
flowchart TD
  b0(["x<br/>2<br/>∂ 12"])
  b1["#40;·#41;²<br/>y = x #42;#42; 2<br/>4<br/>∂ 3"]
  b2(("3"))
  b3["#42;<br/>3 #42; y<br/>12<br/>∂ 1"]
  b4(("2"))
  b5["#43;<br/>z = 3 #42; y #43; 2<br/>14<br/>∂ 1"]
  b6{{"z<br/>14<br/>∂ 1"}}
  b0 -->|"∂ 12"| b1
  b2 --> b3
  b1 -->|"∂ 3"| b3
  b3 -->|"∂ 1"| b5
  b4 --> b5
  b5 --> b6
  classDef parameter fill:#d6e9f8,stroke:#0072b2,color:#0b2a3f
  class b0 parameter
  classDef operation fill:#ffffff,stroke:#3a3a3a,color:#1a1a1a
  class b1,b3,b5 operation
  classDef constant fill:#f4f4f2,stroke:#7d7d77,color:#2b2b29
  class b2,b4 constant
  classDef root fill:#fbe3d2,stroke:#b84e00,color:#3d1a00
  class b6 root
  linkStyle 0,2,3,5 stroke:#3a3a3a
  linkStyle 1,4 stroke:#767676
"""
    )


def test_notes_and_cuts_are_drawn() -> None:
    diagram = Diagram(
        'a "title"',
        Style.OPERATIONS,
        (Box("op1", BoxKind.OPERATION, "x"), Box("op2", BoxKind.MODULE, "")),
        (Arrow("op1", "op2", ArrowKind.CUT, reason="no_grad"),),
        ("Collapsed.",),
    )
    assert (
        to_mermaid(diagram)
        == """\
---
title: "a \\"title\\""
---
flowchart TD
  b0["x"]
  b1[[" "]]
  b0 -.->|"no#95;grad"| b1
  note0["Collapsed#46;"]
  classDef operation fill:#ffffff,stroke:#3a3a3a,color:#1a1a1a
  class b0 operation
  classDef module fill:#fdf0d0,stroke:#946600,color:#332300
  class b1 module
  classDef note fill:#ffffff,stroke:none,color:#4a4a4a
  class note0 note
  linkStyle 0 stroke:#b84e00
"""
    )


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ('"><script>', "#34;#62;#60;script#62;"),
        ("\\N", "#92;N"),
        ("a|{b}", "a#124;#123;b#125;"),
        ("`code`", "#96;code#96;"),
        ("two\nlines", "two lines"),
        ("1. list", "1#46; list"),
        ("- item", "#45; item"),
        ("#quot; & %% ;", "#35;quot#59; #38; #37;#37; #59;"),
        ("-1.25", "#45;1.25"),
        ("fa:fa-user", "fa#58;fa#45;user"),
    ],
)
def test_a_hostile_label_is_written_as_text(text: str, escaped: str) -> None:
    assert escape_label(text) == escaped


@given(st.text())
def test_decoding_an_escaped_label_gives_the_text_back(text: str) -> None:
    escaped = escape_label(text)
    assert not set(escaped) & set('"`<>|{}[]()*_\\&$\n')
    decoded = html.unescape(re.sub(r"#(\d+);", r"&#\1;", escaped))
    assert decoded == clean_text(text)


def test_a_marked_path_has_heavy_lines_and_the_rest_is_pale() -> None:
    assert to_mermaid(path()).splitlines()[3:] == [
        "flowchart TD",
        '  b0(["x"])',
        '  b1(["w"])',
        '  b2["#42;"]',
        '  b3{{"l"}}',
        "  b0 --> b2",
        '  b1 -->|"∂ 3.7"| b2',
        "  b2 --> b3",
        "  classDef inputPale fill:#eef8f4,stroke:#80bcac,color:#546d66",
        "  class b0 inputPale",
        "  classDef parameter fill:#d6e9f8,stroke:#0072b2,color:#0b2a3f",
        "  class b1 parameter",
        "  classDef operation fill:#ffffff,stroke:#3a3a3a,color:#1a1a1a",
        "  class b2 operation",
        "  classDef root fill:#fbe3d2,stroke:#b84e00,color:#3d1a00",
        "  class b3 root",
        "  classDef onPath stroke:#d55e00,stroke-width:4px",
        "  class b1,b2,b3 onPath",
        "  linkStyle 0 stroke:#bababa",
        "  linkStyle 1,2 stroke:#d55e00,stroke-width:4px",
    ]
