"""Autocast and scaled gradients."""

from typing import Any

import torch
from torch import nn

from tests.zoo.asking import edges_into, gaps, op_named, ops_named, picture, seen_as
from tests.zoo.watching import Look, Program, newest, three_parts, watch


def autocast(look: Look) -> Any:
    w = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x = torch.ones(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = x @ w
        norm = out.float().pow(2).sum()
    loss = norm * 2
    look(loss, w=w, out=out, norm=norm)
    loss.backward()
    return [out, w.grad]


def autocast_with_shared_weight(look: Look) -> Any:
    model = nn.Linear(2, 2)
    x = torch.ones(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(model(x))
        loss = out.float().sum()
    look(loss)
    loss.backward()
    return [p.grad for p in model.parameters()]


def custom_function_under_autocast(look: Look) -> Any:
    w = torch.ones(2, 2, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.float16):
        hidden = torch.mm(w, w)
        with torch.autocast("cpu", enabled=False):
            out = hidden.float() * w
    loss = out.sum()
    look(loss, w=w, out=out)
    loss.backward()
    return [w.grad, hidden]


def _scaled(*, unscale: bool, overflow: bool = False) -> Program:
    def program(look: Look) -> Any:
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=100)
        loss = (w * (float("inf") if overflow else 3.0)).sum()
        scaled = scaler.scale(loss)
        look(scaled)
        scaled.backward()
        if unscale:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_([w], 1.0)
        scaler.step(optimizer)
        scaler.update()
        return [w.detach().clone(), w.grad, scaler.get_scale()]

    return program


scaler_alone = _scaled(unscale=False)
scaler_with_clipping = _scaled(unscale=True)
scaler_with_overflow = _scaled(unscale=False, overflow=True)
scaler_alone.__name__ = "scaler_alone"
scaler_with_clipping.__name__ = "scaler_with_clipping"
scaler_with_overflow.__name__ = "scaler_with_overflow"


def clipped(look: Look) -> Any:
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    loss = (w * w).sum() / 2
    look(loss)
    loss.backward()
    norm = nn.utils.clip_grad_norm_([w], 1.0)
    optimizer.step()
    return [w.detach().clone(), w.grad, norm]


CAST: list[Program] = [
    autocast,
    autocast_with_shared_weight,
    custom_function_under_autocast,
]
SCALED: list[Program] = [
    scaler_alone,
    scaler_with_clipping,
    scaler_with_overflow,
    clipped,
]
test_it_is_harmless, test_it_is_complete, _, test_it_can_be_drawn = three_parts(
    CAST + SCALED
)
_, _, test_it_is_true, _ = three_parts([autocast, custom_function_under_autocast])


def test_autocast_shows_the_type_that_torch_computed_in() -> None:
    trace = watch(autocast).last
    out = trace.resolve("out")
    assert out.dtype == "bfloat16"
    assert op_named(trace, "matmul").cut == ""
    (w,) = newest(trace, "w")
    assert w.dtype == "float32"
    assert gaps(trace) == []


def test_a_weight_that_autocast_casts_once_gets_both_contributions() -> None:
    trace = watch(autocast_with_shared_weight).last
    (weight,) = newest(trace, "weight")
    linears = ops_named(trace, "linear")
    assert all(weight.id in op.inputs for op in linears)
    # the cast is cached: both calls send to it, and it sends one sum to the leaf
    assert len(edges_into(trace, "weight")) == 1
    assert len(seen_as(trace, "arrived", "weight")) == 1


def test_the_scaled_gradient_and_what_the_update_used_are_both_there() -> None:
    trace = watch(scaler_alone).traces[0]
    assert seen_as(trace, "arrived", "w") == [[3072, 3072]]
    assert seen_as(trace, "after", "w")[0] == [3072, 3072]
    assert seen_as(trace, "used", "w") == [[3, 3]]
    assert "used [3, 3]" in picture(trace)


def test_unscaling_and_clipping_show_in_what_the_update_used() -> None:
    trace = watch(scaler_with_clipping).traces[0]
    assert seen_as(trace, "arrived", "w") == [[3072, 3072]]
    # 3 / sqrt(18) = 0.7071
    assert seen_as(trace, "used", "w") == [[0.7071, 0.7071]]


def test_a_skipped_update_says_why_nothing_changed() -> None:
    trace = watch(scaler_with_overflow).traces[0]
    assert trace.updated_to(trace.resolve("w").id) is None
    assert seen_as(trace, "arrived", "w") == [[float("inf")] * 2]
    assert "update" not in [e.kind.value for e in trace.graph.events]


def test_the_gradient_before_and_after_clipping_are_both_shown() -> None:
    trace = watch(clipped).traces[0]
    assert seen_as(trace, "arrived", "w") == [[3, 4]]
    assert seen_as(trace, "used", "w") == [[0.6, 0.8]]
    text = picture(trace)
    assert "[3, 4]" in text
    assert "used [0.6, 0.8]" in text


def test_a_gradient_that_nothing_changed_is_not_shown_twice() -> None:
    from tests.zoo.test_in_place import set_to_none

    for trace in watch(set_to_none).traces:
        assert seen_as(trace, "used", "w") == []
        assert "used" not in picture(trace)
