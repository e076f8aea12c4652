"""In-place ops, views of views, and regions that autograd does not see."""

from typing import Any

import pytest
import torch

from graphscope.model.graph import EventKind, OpKind
from tests.zoo.asking import (
    boxes,
    edges_into,
    numbers,
    op_named,
    ops_named,
    picture,
    slots,
    versions,
)
from tests.zoo.watching import Look, Program, newest, three_parts, watch


def changed_in_place(look: Look) -> Any:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = x * 2
    y.add_(1)
    y.relu_()
    loss = y.sum()
    look(loss, x=x, y=y)
    loss.backward()
    return [x.grad, y, y._version]


def written_through_a_view(look: Look) -> Any:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    z = y[1:]
    z.mul_(3)
    loss = (y * y).sum()
    look(loss, x=x, y=y)
    loss.backward()
    return [x.grad, y, z, y._version, z._version]


def written_through_a_view_of_a_view(look: Look) -> Any:
    x = torch.arange(6.0).requires_grad_()
    base = x * 1
    rows = base.view(2, 3)
    row = rows[1]
    row.mul_(10)
    loss = base.sum() + rows.sum()
    look(loss, x=x, base=base, rows=rows)
    loss.backward()
    return [x.grad, base, rows, row]


def base_changed_under_its_view(look: Look) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    z = y[:1]
    y.mul_(5)
    loss = z.sum()
    look(loss, x=x, z=z)
    loss.backward()
    return [x.grad, y, z]


def set_by_index(look: Look) -> Any:
    x = torch.ones(3, requires_grad=True)
    w = torch.tensor(4.0, requires_grad=True)
    y = x * 2
    y[1] = w
    loss = y.sum()
    look(loss, x=x, w=w, y=y)
    loss.backward()
    return [x.grad, w.grad, y]


def plain_tensor_changed_through_a_view(look: Look) -> Any:
    a = torch.zeros(3)
    b = a[1:]
    b.fill_(7.0)
    w = torch.ones(3, requires_grad=True)
    loss = (a * w).sum()
    look(loss, a=a, w=w)
    loss.backward()
    return [a, w.grad]


def detached_branch(look: Look) -> Any:
    x = torch.tensor(3.0, requires_grad=True)
    y = x * 2
    still = y.detach()
    loss = y * still
    look(loss, x=x, y=y)
    loss.backward()
    return [x.grad, still]


def without_grad(look: Look) -> Any:
    x = torch.tensor(3.0, requires_grad=True)
    with torch.no_grad():
        scale = x * 10
    loss = x * scale
    look(loss, x=x)
    loss.backward()
    return [x.grad, scale]


def inference(look: Look) -> Any:
    x = torch.tensor([3.0], requires_grad=True)
    with torch.inference_mode():
        hidden = x * 10
        hidden.add_(1)
        first = hidden[0]
    loss = (x * 2).sum()
    look(loss, x=x)
    loss.backward()
    return [x.grad, first.item(), hidden.is_inference()]


def changed_through_data(look: Look) -> Any:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    look(loss, w=w)
    loss.backward()
    assert w.grad is not None
    w.data -= 0.5 * w.grad
    w.data[0] = 9.0
    return [w.detach().clone(), w.grad]


def set_to_none(look: Look) -> Any:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    look(loss, w=w)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    is_none = w.grad is None
    loss = (w * w).sum()
    look(loss, w=w)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return [is_none, w.grad]


def foreach_in_place(look: Look) -> Any:
    a = torch.ones(2, requires_grad=True)
    b = torch.full((2,), 2.0, requires_grad=True)
    c, d = torch._foreach_mul([a, b], 3.0)
    torch._foreach_add_([c, d], 1.0)
    loss = (c * d).sum()
    look(loss, a=a, b=b, c=c, d=d)
    loss.backward()
    return [a.grad, b.grad]


PROGRAMS: list[Program] = [
    changed_in_place,
    written_through_a_view,
    written_through_a_view_of_a_view,
    base_changed_under_its_view,
    set_by_index,
    plain_tensor_changed_through_a_view,
    detached_branch,
    without_grad,
    inference,
    changed_through_data,
    set_to_none,
    foreach_in_place,
]
(
    test_it_is_harmless,
    test_it_is_complete,
    test_it_is_true,
    test_it_can_be_drawn,
) = three_parts(PROGRAMS)


def test_every_change_in_place_is_a_new_version_that_the_picture_shows() -> None:
    trace = watch(changed_in_place).last
    assert versions(trace, "y") == [0, 1, 2]
    mul, add, relu = (op_named(trace, n) for n in ("mul", "add_", "relu_"))
    (y_0,), (y_1,), (y_2,) = mul.outputs, add.outputs, relu.outputs
    assert (add.inputs[0], relu.inputs[0]) == (y_0, y_1)
    assert trace.graph.values[y_2].previous == y_1
    # x * 2 = [2, -4], + 1 = [3, -3], relu = [3, 0]
    assert [numbers(trace.value_of(v)) for v in (y_0, y_1, y_2)] == [
        [2, -4],
        [3, -3],
        [3, 0],
    ]
    assert "y (version 1)" in picture(trace)
    assert "y (version 2)" in picture(trace)


def test_a_write_through_a_view_makes_a_new_version_of_the_base() -> None:
    trace = watch(written_through_a_view).last
    mul = op_named(trace, "mul_")
    made = {trace.graph.values[v].name: v for v in mul.outputs}
    assert sorted(name or "" for name in made) == ["y", "z"]
    y = trace.graph.values[made["y"]]
    assert (y.version, numbers(trace.value_of(y.id))) == (1, [2, 12, 18])
    assert versions(trace, "y") == [0, 1]
    # the squares read the base as it is after the write
    (square,) = [o for o in ops_named(trace, "mul") if o.inputs[:1] == (y.id,)]
    assert square.inputs == (y.id, y.id)
    assert "y (version 1)" in picture(trace)


def test_a_write_through_a_view_of_a_view_reaches_the_base_and_the_view_between() -> (
    None
):
    trace = watch(written_through_a_view_of_a_view).last
    (base,) = newest(trace, "base")
    (rows,) = newest(trace, "rows")
    assert numbers(trace.value_of(base.id)) == [0, 1, 2, 30, 40, 50]
    assert numbers(trace.value_of(rows.id)) == [[0, 1, 2], [30, 40, 50]]
    assert (base.version, rows.version) == (1, 1)
    mul = op_named(trace, "mul_")
    assert {base.id, rows.id} <= set(mul.outputs)


def test_a_change_of_the_base_is_a_new_version_of_its_view() -> None:
    trace = watch(base_changed_under_its_view).last
    (z,) = newest(trace, "z")
    assert (z.version, numbers(trace.value_of(z.id))) == (1, [10])
    assert op_named(trace, "sum").inputs == (z.id,)
    assert z.op == op_named(trace, "mul_").id


def test_what_is_written_at_an_index_gets_its_gradient_along_its_own_edge() -> None:
    trace = watch(set_by_index).last
    assert edges_into(trace, "w") == [1]
    y = trace.resolve("y")
    assert (y.version, numbers(trace.value_of(y.id))) == (1, [2, 4, 2])
    setitem = op_named(trace, "setitem")
    assert trace.resolve("w").id in setitem.inputs
    assert y.id in setitem.outputs


def test_a_view_changes_its_base_also_where_autograd_does_not_look() -> None:
    trace = watch(plain_tensor_changed_through_a_view).last
    (a,) = newest(trace, "a")
    assert (a.version, numbers(trace.value_of(a.id))) == (1, [0, 7, 7])
    assert a.id in op_named(trace, "fill_").outputs


@pytest.mark.parametrize(
    ("program", "op", "cut"),
    [
        (detached_branch, "detach", "detach()"),
        (without_grad, "mul", "no_grad"),
        (inference, "mul", "inference_mode"),
    ],
)
def test_where_the_gradient_stops_the_picture_says_why(
    program: Program, op: str, cut: str
) -> None:
    trace = watch(program).last
    assert [found.cut for found in ops_named(trace, op)][:2].count(cut) == 1
    assert f"cut: {cut}" in picture(trace)


def test_ops_in_inference_mode_keep_their_numbers_and_their_order() -> None:
    trace = watch(inference).last
    assert numbers(trace.value_of(trace.resolve("first").id)) == 31
    (hidden,) = newest(trace, "hidden")
    assert numbers(trace.value_of(hidden.id)) == [31]
    assert op_named(trace, "getitem").inputs == (hidden.id,)


def test_a_change_through_data_is_an_update_of_the_parameter() -> None:
    trace = watch(changed_through_data).last
    updates = [op for op in trace.graph.ops if op.kind is OpKind.UPDATE]
    assert [op.name for op in updates] == ["sub_", "setitem"]
    w = trace.resolve("w")
    # w - 0.5 * 2w = 0, then the first element is set
    assert numbers(trace.updated_to(w.id)) == [9, 0]
    assert "[9, 0]" in picture(trace)


def test_zeroing_says_whether_it_was_to_none_or_to_zero() -> None:
    traces = watch(set_to_none).traces
    zeroed = [e.label for t in traces for e in t.graph.events if e.kind == "zero"]
    assert zeroed == ["to None", "to 0"]
    first = next(
        t for t in traces if EventKind.ZERO in [e.kind for e in t.graph.events]
    )
    (zero,) = [e.index for e in first.graph.events if e.kind is EventKind.ZERO]
    assert [s for slot, s in slots(first, "before") if slot.event == zero] == [[2, 4]]


def test_a_foreach_op_is_one_op_with_a_version_of_each_tensor() -> None:
    trace = watch(foreach_in_place).last
    add = op_named(trace, "_foreach_add_")
    assert [trace.graph.values[v].name for v in add.outputs] == ["c", "d"]
    assert versions(trace, "c") == [0, 1]
    assert [line for line in boxes(trace) if "c (version 1)" in line]
