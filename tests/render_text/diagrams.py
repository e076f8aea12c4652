"""Diagrams written out by hand: small, and of the shapes that networks have."""

from graphscope.diagram.model import (
    Arrow,
    ArrowKind,
    Box,
    BoxKind,
    Diagram,
    Line,
    Style,
)

PARAMETER, INPUT, OP = BoxKind.PARAMETER, BoxKind.INPUT, BoxKind.OPERATION


def box(name: str, kind: BoxKind, title: str, *lines: str) -> Box:
    """Return a box with plain lines."""
    return Box(name, kind, title, tuple(Line(text) for text in lines))


def flow(source: str, target: str, label: str = "") -> Arrow:
    """Return an arrow that a gradient comes back along."""
    return Arrow(source, target, label=Line(label) if label else None)


def _flows(ends: str) -> list[Arrow]:
    """Return an arrow for each pair of one-letter ids."""
    return [flow(pair[0], pair[1]) for pair in ends.split()]


def diagram(
    boxes: list[Box], arrows: list[Arrow], *notes: str, title: str = ""
) -> Diagram:
    """Return a diagram in the operations style."""
    return Diagram(title, Style.OPERATIONS, tuple(boxes), tuple(arrows), notes)


def logistic() -> Diagram:
    """Return the lecture's logistic example; events are those of its training step."""
    boxes = [
        box("x", INPUT, "x_1", "3.7"),
        box("w", PARAMETER, "w_1", "0.5", "∂ −0.4814"),
        Box(
            "u",
            OP,
            "*",
            (Line("u = x_1 * w_1", 0), Line("1.85", 0), Line("∂ −0.1301", 7)),
            event=0,
            backward_event=7,
        ),
        box("b", PARAMETER, "b", "0.05", "∂ −0.1301"),
        box("z", OP, "+", "z = u + b", "1.9", "∂ −0.1301"),
        box("a", OP, "sigmoid", "a = sigmoid(z)", "0.8699", "∂ −1.1496"),
        box("y", INPUT, "y", "1"),
        box("bce", OP, "bce", "l = bce(a, y)", "0.1394", "∂ 1"),
        box("l", BoxKind.ROOT, "l", "0.1394", "∂ 1"),
    ]
    arrows = [
        Arrow("x", "u", ArrowKind.DATA),
        Arrow("w", "u", label=Line("∂ −0.4814", 8)),
        flow("u", "z", "∂ −0.1301"),
        flow("b", "z", "∂ −0.1301"),
        flow("z", "a", "∂ −0.1301"),
        flow("a", "bce", "∂ −1.1496"),
        Arrow("y", "bce", ArrowKind.DATA),
        flow("bce", "l"),
    ]
    return diagram(boxes, arrows, title="logistic.py · step 0")


def diamond() -> Diagram:
    """Return one value that is read twice, and both results used together."""
    boxes = [
        box("x", PARAMETER, "x", "2"),
        box("s", OP, "(·)²", "4"),
        box("e", OP, "exp", "7.3891"),
        box("p", OP, "+", "11.3891"),
    ]
    ends = [("x", "s"), ("x", "e"), ("s", "p"), ("e", "p")]
    return diagram(boxes, [flow(a, b) for a, b in ends])


def residual() -> Diagram:
    """Return a residual block."""
    boxes = [
        box("x", INPUT, "x", "f32[4]"),
        box("n", OP, "layer_norm"),
        box("v", PARAMETER, "mlp.0.weight"),
        box("f", OP, "linear"),
        box("r", OP, "relu"),
        box("w", PARAMETER, "mlp.2.weight"),
        box("g", OP, "linear"),
        box("p", OP, "+"),
        box("y", BoxKind.ROOT, "y"),
    ]
    ends = "xn nf vf fr rg wg gp xp py"
    return diagram(boxes, _flows(ends))


def attention() -> Diagram:
    """Return attention with three parallel projections and a skip connection."""
    boxes = [
        box("x", INPUT, "x"),
        box("1", PARAMETER, "q.weight"),
        box("q", OP, "linear"),
        box("2", PARAMETER, "k.weight"),
        box("k", OP, "linear"),
        box("3", PARAMETER, "v.weight"),
        box("v", OP, "linear"),
        box("t", OP, "transpose"),
        box("s", OP, "@"),
        box("8", BoxKind.CONSTANT, "8"),
        box("/", OP, "/"),
        box("m", OP, "softmax"),
        box("o", OP, "@"),
        box("4", PARAMETER, "out.weight"),
        box("l", OP, "linear"),
        box("+", OP, "+"),
    ]
    ends = "xq 1q xk 2k xv 3v kt qs ts s/ 8/ /m mo vo ol 4l l+ x+"
    return diagram(boxes, _flows(ends))


def recurrent(steps: int) -> Diagram:
    """Return an unrolled recurrent network: every step reads the same weights."""
    boxes = [
        box("W", PARAMETER, "W_hh"),
        box("U", PARAMETER, "W_ih"),
        box("h0", INPUT, "h_0"),
    ]
    arrows: list[Arrow] = []
    for step in range(steps):
        x, m, n, p, h = (f"{kind}{step}" for kind in "xmnpt")
        before = f"t{step - 1}" if step else "h0"
        boxes += [box(x, INPUT, f"x_{step}"), box(m, OP, "linear")]
        boxes += [box(n, OP, "linear"), box(p, OP, "+"), box(h, OP, "tanh")]
        ends = [(before, m), ("W", m), (x, n), ("U", n), (m, p), (n, p), (p, h)]
        arrows += [flow(a, b) for a, b in ends]
    return diagram(boxes, arrows)


def perceptron(layers: int) -> Diagram:
    """Return a multi-layer perceptron: four boxes in each layer, and the input."""
    boxes, arrows, before = [box("x", INPUT, "x")], [], "x"
    for layer in range(layers):
        w, b, f, r = (f"{kind}{layer}" for kind in "wbfr")
        boxes += [
            box(w, PARAMETER, f"{layer}.weight"),
            box(b, PARAMETER, f"{layer}.bias"),
        ]
        boxes += [box(f, OP, "linear"), box(r, OP, "relu")]
        arrows += [flow(s, t) for s, t in ((before, f), (w, f), (b, f), (f, r))]
        before = r
    return diagram(boxes, arrows)


def with_cut() -> Diagram:
    """Return a detached value and an update."""
    boxes = [
        box("w", PARAMETER, "w", "2"),
        box("m", OP, "*", "y = w * 3", "6"),
        box("d", OP, "detach", "t = y.detach()", "6"),
        box("q", OP, "*", "z = y * t", "36"),
        box("s", BoxKind.UPDATE, "SGD", "lr 0.1", "w 2 → 1.9"),
    ]
    arrows = [
        flow("w", "m", "∂ 18"),
        Arrow("m", "d", ArrowKind.CUT, reason="detach"),
        flow("m", "q", "∂ 6"),
        Arrow("d", "q", ArrowKind.DATA),
        Arrow("w", "s", ArrowKind.UPDATE),
    ]
    return diagram(boxes, arrows, "2 boxes are not drawn.", title="cut.py · step 3")


def hostile() -> Diagram:
    """Return texts that would damage a terminal or the alignment."""
    boxes = [
        box("a", INPUT, "a\x1b[31m\n\u202eb"),
        box("k", PARAMETER, "重み" * 9, "e\u0301 😀 ok"),
        box("c", OP, "]|{}<script>"),
    ]
    return diagram(boxes, [flow("a", "c", "∂\t1"), flow("k", "c")])
