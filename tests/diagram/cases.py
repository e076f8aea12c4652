"""Hand-made traces of small programs, each named after what it shows."""

from dataclasses import replace

from graphscope.model.graph import Gap, OpKind, Scope
from graphscope.model.trace import Trace
from tests.diagram.sketch import Sketch


def quadratic() -> Trace:
    """x = 2; y = x ** 2; z = 3 * y + 2; z.backward()."""
    s = Sketch()
    x = s.parameter("x", 2.0)
    two = s.constant("2")
    y = s.op("pow", [x, two], 4.0, [4.0, 0.0], named="y", expression="x ** 2")
    three = s.constant("3")
    product = s.op("mul", [three, y], 12.0, [0.0, 3.0], expression="3 * y")
    other_two = s.constant("2")
    sum_of = [product, other_two]
    z = s.op("add", sum_of, 14.0, [1.0, 0.0], named="z", expression="3 * y + 2")
    s.backward(z)
    return s.trace()


def residual() -> Trace:
    """h = w * 2 = 6; r = h + relu(h) = 12."""
    s = Sketch()
    w = s.parameter("w", 3.0)
    h = s.op("mul", [w, s.constant("2")], 6.0, [2.0, 0.0], named="h")
    branch = s.op("relu", [h], 6.0, [1.0], expression="torch.relu(h)")
    r = s.op("add", [h, branch], 12.0, [1.0, 1.0], named="r", expression="h + relu(h)")
    s.backward(r)
    return s.trace()


def shared_weight() -> Trace:
    """w = 3 is used twice in one product: y = w * w."""
    s = Sketch()
    w = s.parameter("w", 3.0)
    y = s.op("mul", [w, w], 9.0, [3.0, 3.0], named="y", expression="w * w")
    s.backward(y)
    return s.trace()


def accumulation(shape: tuple[int, ...] = ()) -> Trace:
    """Three passes of l = 3 * w without zeroing."""
    s = Sketch()
    w = s.parameter("weights", 1.0, shape=shape)
    for index in range(3):
        if index:
            s.next_pass()
        three = s.constant("3")
        out = s.op("mul", [w, three], 3.0, [3.0, 0.0], named="l", expression="w * 3")
        s.backward(out)
    return s.trace()


def cut() -> Trace:
    """A target computed from w under no_grad, a readout, and an unreached v."""
    s = Sketch()
    w = s.parameter("w", 2.0)
    target = s.op("exp", [w], 7.5, named="target", cut="no_grad", expression="w.exp()")
    s.readout(w)
    loss = s.op("mul", [w, target], 15.0, [7.5, 0.0], named="loss")
    v = s.parameter("v", 1.0)
    s.op("sin", [v], 0.8415, [0.5403], named="unused")
    s.backward(loss)
    s.readout(loss)
    return s.trace()


def in_place() -> Trace:
    """h = 2 * w; h.add_(1); l = h.sum()."""
    s = Sketch()
    w = s.parameter("w", 3.0)
    h = s.op("mul", [w, s.constant("2")], 6.0, [2.0, 0.0], named="h")
    one = s.constant("1")
    changed = s.op("add_", [h, one], 7.0, [1.0, 0.0], named="h", previous=h)
    s.backward(s.op("sum", [changed], 7.0, [1.0], named="l", expression="h.sum()"))
    return s.trace()


def adam() -> Trace:
    """One step of Adam over nine parameters that all add up."""
    s = Sketch()
    total = s.parameter("p0", 1.0)
    after = {total: 0.9}
    for index in range(1, 9):
        p = s.parameter(f"p{index}", 1.0)
        after[p] = 0.9
        total = s.op("add", [total, p], index + 1.0, [1.0, 1.0])
    s.backward(total)
    s.update("Adam", after, lr=0.1, beta1=0.9, beta2=0.999)
    return s.trace()


def generator(size: int) -> Trace:
    """l = w * 3, and an update of parameters that no op of the step reads."""
    s = Sketch()
    unread = [s.parameter(f"G.{index}", 1.0) for index in range(size)]
    w = s.parameter("w", 2.0)
    s.backward(s.op("mul", [w, s.constant("3")], 6.0, [3.0, 0.0], named="l"))
    s.update("Adam", dict.fromkeys(unread, 0.9))
    return s.trace()


def manual_update() -> Trace:
    """w -= 0.1 * w.grad after a backward from l = 3 * w."""
    s = Sketch()
    w = s.parameter("w", 2.0)
    three = s.constant("3")
    s.backward(s.op("mul", [w, three], 6.0, [3.0, 0.0], named="l"))
    rate = s.constant("0.1")
    step = s.op("mul", [rate, s.gradient(w)], 0.3, expression="0.1 * w.grad")
    s.op(
        "sub_",
        [w, step],
        1.7,
        named="w",
        previous=w,
        kind=OpKind.UPDATE,
        expression="w -= 0.1 * w.grad",
    )
    return s.trace()


def captured() -> Trace:
    """torch.autograd.grad(y, x) of y = x * x at x = 3."""
    s = Sketch()
    x = s.parameter("x", 3.0)
    y = s.op("mul", [x, x], 9.0, [3.0, 3.0], named="y", expression="x * x")
    s.backward(y, captures=[x])
    return s.trace()


def chain(length: int) -> Trace:
    """h = w + 1 + 1 + ... : a flat chain of ops, no modules."""
    s = Sketch()
    h = s.parameter("w", 0.0)
    for index in range(length):
        one = s.constant("1")
        h = s.op("add", [h, one], index + 1.0, [1.0, 0.0], expression="h + 1")
    s.backward(h)
    return s.trace()


def modules(blocks: int = 2) -> Trace:
    """Blocks of a linear and a relu, then the first block once more."""
    s = Sketch()
    h = s.input("x", 1.0)
    weights = [s.parameter(f"blocks.{i}.linear.weight", 1.0) for i in range(blocks)]
    for index in [*range(blocks), 0]:
        path = f"blocks.{index}"
        linear = [h, weights[index]]
        h = s.op("mul", linear, 1.0, [1.0, 1.0], scope=f"{path}.linear")
        h = s.op("relu", [h], 1.0, [1.0], scope=path)
        h = s.op("neg", [h], 1.0, [1.0])
    s.backward(h)
    scopes = [Scope("", "Net"), Scope("blocks", "ModuleList")]
    scopes += [Scope(f"blocks.{i}", "Block") for i in range(blocks)]
    return s.trace(scopes)


def creations(spares: int = 1) -> Trace:
    """x = torch.tensor(1.0); spare = torch.zeros(()); torch.ones(()); torch.sin(x)."""
    s = Sketch()
    x = s.op("tensor", [], 1.0, named="x", kind=OpKind.CREATE)
    for _ in range(spares):
        s.op("zeros", [], 0.0, named="spare", kind=OpKind.CREATE)
    s.op("ones", [], 1.0, kind=OpKind.CREATE)
    s.op("sin", [x], 0.8415)
    return s.trace()


def gap() -> Trace:
    """An op that could not be seen."""
    s = Sketch()
    x = s.input("x", 1.0)
    reason = "a compiled function is not seen"
    s.op("compiled", [x], 1.0, kind=OpKind.GAP, note=reason)
    trace = s.trace()
    return replace(trace, graph=replace(trace.graph, gaps=(Gap(0, reason),)))


def forward_only() -> Trace:
    """l = w * w without a backward."""
    s = Sketch()
    w = s.parameter("w", 2.0)
    s.op("mul", [w, w], 4.0, [2.0, 2.0], named="l")
    return s.trace()


def library_module() -> Trace:
    """out = model(x), where all ops inside of the model carry the user's call."""
    s = Sketch()
    x = s.input("x", 1.0)
    w = s.parameter("0.weight", 2.0)
    site = s.site("model(x)")
    h = s.op("linear", [x, w], 2.0, [2.0, 1.0], scope="0", site=site)
    s.op("relu", [h], 2.0, [1.0], named="out", scope="1", site=site)
    return s.trace()


def residual_module() -> Trace:
    """h = w + 1; r = block(h), which computes h + 2 * h."""
    s = Sketch()
    w = s.parameter("w", 3.0)
    h = s.op("add", [w, s.constant("1")], 4.0, [1.0, 0.0], named="h")
    two = s.constant("2")
    branch = s.op("mul", [two, h], 8.0, [0.0, 2.0], scope="block")
    s.backward(s.op("add", [h, branch], 12.0, [1.0, 1.0], named="r", scope="block"))
    return s.trace()
