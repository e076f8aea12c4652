"""The page shows everything, loads nothing, and what it shows cannot act."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.findings import find_in_step
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions, PathEnds
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Gap
from graphscope.model.trace import Trace
from graphscope.render.escape import clean_text
from graphscope.render.html import to_html
from tests.diagram import cases
from tests.diagram.sketch import Sketch
from tests.render.pictures import HOSTILE
from tests.samples import logistic_trace

VOID = {"meta", "link"}
TAGS = {
    *("html", "head", "meta", "link", "title", "style", "script", "body"),
    *("header", "main", "section", "article", "footer", "div"),
    *("h1", "h2", "h3", "p", "pre", "ul", "ol", "li", "dl", "dt", "dd"),
    "code",
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    *("svg", "g", "rect", "path", "polygon", "text"),
}


class Element:
    """An element as a browser would read it, with its own text."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""
        self.inside: list[Element] = []
        self.parts: list[Element | str] = []

    def find(self, tag: str, **attributes: str) -> "list[Element]":
        wanted = {n.rstrip("_").replace("_", "-"): v for n, v in attributes.items()}
        own = self.tag == tag and wanted.items() <= self.attributes.items()
        below = [found for e in self.inside for found in e.find(tag, **attributes)]
        return [self, *below] if own else below

    def whole(self) -> str:
        return "".join(p if isinstance(p, str) else p.whole() for p in self.parts)


class Reader(HTMLParser):
    """Builds the elements; refuses a document whose tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].inside.append(element)
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].text += data
        self.open[-1].parts.append(data)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def page(
    trace: Trace, path: PathEnds | None = None, style: Style = Style.OPERATIONS
) -> Element:
    options = DiagramOptions(style, path=path)
    return read(to_html(trace, options, engine="builtin"))


def rows_of(document: Element) -> list[list[str]]:
    return [[cell.whole() for cell in row.inside] for row in document.find("tr")]


def every(element: Element) -> list[Element]:
    return [element, *(found for e in element.inside for found in every(e))]


def with_class(document: Element, name: str) -> list[str]:
    """Return the first attribute that tells the elements of a class apart."""
    return [
        str(e.attributes.get("data-box") or e.attributes.get("data-arrow"))
        for e in every(document)
        if name in (e.attributes.get("class") or "").split()
    ]


def paths_data(document: Element) -> Any:
    [script] = document.find("script", id="paths")
    return json.loads(script.text)


def test_the_table_has_every_number_with_its_formula_and_line() -> None:
    # ∂L/∂z = a − y = 0.8699 − 1, ∂L/∂w₁ = ∂L/∂z · 3.7, w₁ ← 0.5 + 0.1 · 0.4814
    # fmt: off
    assert rows_of(page(logistic_trace())) == [
        ["Name", "Kind", "Type", "Formula", "Value", "Gradient", ".grad", "Updated",
         "Line"],
        ["x_1", "input", "f32[1]", "–", "3.7", "–", "–", "–", "logistic.py:4"],
        ["w_1", "parameter", "f32[1]", "–", "0.5", "−0.4814", "−0.4814", "0.5481",
         "logistic.py:12"],
        ["u", "result", "f32[1]", "x_1 * w_1", "1.85", "−0.1301", "–", "–",
         "logistic.py:12"],
        ["b", "parameter", "f32[1]", "–", "0.05", "−0.1301", "−0.1301", "0.063",
         "logistic.py:13"],
        ["z", "result", "f32[1]", "u + b", "1.9", "−0.1301", "–", "–",
         "logistic.py:13"],
        ["a", "result", "f32[1]", "torch.sigmoid(z)", "0.8699", "−1.1496", "–", "–",
         "logistic.py:14"],
        ["y", "input", "f32[1]", "–", "1", "–", "–", "–", "logistic.py:5"],
        ["l", "result", "f32[]", "F.binary_cross_entropy(a, y)", "0.1394", "1", "–",
         "–", "logistic.py:15"],
    ]
    # fmt: on


def test_the_head_says_what_the_step_was() -> None:
    document = page(logistic_trace(step=3))

    assert [h.whole() for h in document.find("h1")] == ["logistic.py · step 3"]
    facts = zip(document.find("dt"), document.find("dd"), strict=True)
    assert [(term.text, fact.text) for term, fact in facts] == [
        ("Step", "3"),
        ("Result", "l = 0.1394"),
        ("Operations", "4"),
        ("Autograd nodes", "6"),
    ]
    assert [li.text for li in document.find("ol")[0].inside] == [
        "1 forward (3 ops)",
        "2 loss (1 op)",
        "3 zero (to None)",
        "4 backward (4 nodes)",
        "5 update (SGD)",
    ]


def test_each_parameter_has_its_chain_rule_and_the_chosen_one_is_open() -> None:
    document = page(logistic_trace(), ("b", None))

    rules = document.find("details")
    assert [rule.find("summary")[0].text for rule in rules] == ["∂L/∂b", "∂L/∂w_1"]
    assert ["open" in rule.attributes for rule in rules] == [True, False]
    assert rules[1].find("pre")[0].text.splitlines()[:2] == [
        "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a",
        "       =  3.7   ·   1   · 0.1132 · −1.1496  =  −0.4814",
    ]


def test_the_chosen_path_is_marked_without_any_script() -> None:
    document = page(logistic_trace(), ("w_1", None))

    assert [svg.attributes.get("class") for svg in document.find("svg")] == ["has-path"]
    names = [
        str(box.attributes["aria-label"]).split(",")[0]
        for box in document.find("g", role="img")
        if "on-path" in str(box.attributes["class"])
    ]
    assert names == ["w_1", "*", "+", "sigmoid", "binary_cross_entropy", "l"]


def test_without_a_path_nothing_is_marked_and_the_first_rule_is_open() -> None:
    document = page(logistic_trace())

    assert "class" not in document.find("svg")[0].attributes
    assert with_class(document, "on-path") == []
    assert ["open" in r.attributes for r in document.find("details")] == [True, False]


def test_the_script_is_told_which_boxes_and_arrows_are_on_each_path() -> None:
    document = page(logistic_trace())
    data = paths_data(document)
    boxes = [
        str(box.attributes["aria-label"]).split(",")[0]
        for box in document.find("g", role="img")
    ]

    arrows = [(boxes[source], boxes[target]) for source, target in data["arrows"]]
    [w_1, b] = data["paths"]
    assert (boxes[w_1["leaf"]], boxes[b["leaf"]]) == ("w_1", "b")
    assert [boxes[n] for n in b["boxes"]] == [
        *("b", "+", "sigmoid", "binary_cross_entropy", "l")
    ]
    assert [arrows[n] for n in b["arrows"]] == [
        ("b", "+"),
        ("+", "sigmoid"),
        ("sigmoid", "binary_cross_entropy"),
        ("binary_cross_entropy", "l"),
    ]
    numbers = {
        g.attributes["data-arrow"]
        for g in every(document)
        if "data-arrow" in g.attributes
    }
    assert numbers <= {str(n) for n in range(len(data["arrows"]))}


def test_of_many_parameters_the_first_twelve_can_be_chosen() -> None:
    s = Sketch()
    total = s.parameter("p0", 1.0)
    for index in range(1, 20):
        total = s.op("add", [total, s.parameter(f"p{index}", 1.0)], 1.0, [1.0, 1.0])
    s.backward(total)

    document = page(s.trace(), ("p17", None))

    titles = [summary.text for summary in document.find("summary")]
    assert len(titles) == 12
    assert titles[0].endswith("/∂p17")
    assert titles[1].endswith("/∂p0")


def test_a_step_without_backward_says_so() -> None:
    document = page(cases.forward_only())

    assert document.find("details") == []
    assert "No gradient reached a parameter in this step." in document.whole()
    assert paths_data(document)["paths"] == []


def test_a_path_without_a_gradient_is_refused() -> None:
    with pytest.raises(NotRecordedError):
        page(logistic_trace(), ("x_1", None))


def test_notes_stand_in_the_page() -> None:
    trace = logistic_trace()
    gap = Gap(None, "a compiled function is not seen")
    document = page(replace(trace, graph=replace(trace.graph, gaps=(gap,))))

    notes = [li.text for li in document.find("ul", class_="notes")[0].inside]
    assert notes == ["Not recorded: a compiled function is not seen"]
    assert document.find("text")[-1].text != notes[0]  # not once more in the picture


def test_a_finding_has_its_evidence_its_remedy_and_its_line() -> None:
    with gs.trace() as t:
        scores = torch.tensor([[0.5, -1.0, 2.0]], requires_grad=True)
        probs = torch.softmax(scores, 1)
        loss: Any = F.cross_entropy(probs, torch.tensor([2]))
        loss.backward()
    trace = t.last.trace
    [finding] = find_in_step(trace)

    document = page(trace)

    [article] = document.find("article")
    assert finding.kind == "softmax-twice"
    assert article.find("h3")[0].text == finding.title
    told, remedy, place = article.find("p")
    assert told.whole() == finding.explanation.replace("`", "")
    assert remedy.whole() == finding.remedy.replace("`", "")
    assert place.text.startswith("test_html.py:")
    assert "scores" in [code.text for code in remedy.find("code")]
    assert document.find("ul", class_="notes") == []  # it is said once


@pytest.mark.parametrize("style", Style)
def test_the_page_loads_nothing_and_runs_only_its_own_script(style: Style) -> None:
    document = page(logistic_trace(), ("w_1", None), style)

    for element in every(document)[1:]:
        assert element.tag in TAGS
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "action", "style", "xlink:href")
            assert name != "href" or value == "data:,"
    [policy] = document.find("meta", http_equiv="Content-Security-Policy")
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in str(policy.attributes["content"]).split(";")
    )
    [style_element] = document.find("style")
    [_, script] = document.find("script")
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "style-src": f"'sha256-{digest(style_element.text)}'",
        "script-src": f"'sha256-{digest(script.text)}'",
    }
    assert "url(" not in style_element.text
    assert "@import" not in style_element.text
    assert not re.search(r"fetch|XMLHttp|import|innerHTML|eval", script.text)


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_comes_out_as_text(text: str) -> None:
    s = Sketch()
    w = s.parameter(text, 2.0)
    h = s.op("mul", [w, s.constant("3")], 6.0, [3.0, 0.0], named=text, scope=text)
    s.backward(s.op("exp", [h], 403.4, [403.4], expression=text))
    trace = replace(s.trace(), error=text)
    plain = page(logistic_trace())

    document = page(trace, (w, None))

    literal = clean_text(text)
    names = [row[0] for row in rows_of(document)[1:]]
    assert names == [literal, literal]
    assert {e.tag for e in every(document)} <= {e.tag for e in every(plain)} | {"ul"}
    assert len(document.find("script")) == 2
    used = {name for e in every(document) for name in e.attributes}
    assert used <= {name for e in every(plain) for name in e.attributes} | {"class"}


def test_the_same_step_gives_the_same_page() -> None:
    options = DiagramOptions(path=("w_1", None))
    one, other = (to_html(logistic_trace(), options, engine="wasm") for _ in range(2))

    assert one == other
