"""Hooks of the user's own that read, change or refuse gradients."""

from typing import Any

import torch
from torch import nn

from tests.zoo.asking import edges_into, op_named, picture, seen_as, slots
from tests.zoo.watching import Look, Program, three_parts, watch


def hook_on_an_intermediate(look: Look) -> Any:
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    loss = y * 3
    look(loss, x=x, y=y)
    loss.backward()
    return x.grad


def hook_on_a_leaf(look: Look) -> Any:
    x = torch.tensor(1.0, requires_grad=True)
    x.register_hook(lambda g: g.clamp(max=2.0))
    loss = x * 7
    look(loss, x=x)
    loss.backward()
    return x.grad


def hook_on_a_leaf_after_its_first_use(look: Look) -> Any:
    x = torch.tensor(1.0, requires_grad=True)
    loss = x * 7
    x.register_hook(lambda g: g / 7)
    look(loss, x=x)
    loss.backward()
    return x.grad


def hook_after_accumulation(look: Look) -> Any:
    x = torch.tensor(1.0, requires_grad=True)

    def halve(tensor: torch.Tensor) -> None:
        assert tensor.grad is not None
        tensor.grad = tensor.grad / 2

    x.register_post_accumulate_grad_hook(halve)
    loss = x * 8
    look(loss, x=x)
    loss.backward()
    return x.grad


def hook_on_a_node(look: Look) -> Any:
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 2
    node: Any = y.grad_fn
    node.register_prehook(lambda grads: (grads[0] + 100,))
    node.register_hook(lambda sent, _: (sent[0] * 0, *sent[1:]))
    loss = y * 3
    look(loss, x=x)
    loss.backward()
    return x.grad


def hooks_that_only_read(look: Look) -> Any:
    seen: list[float] = []
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: seen.append(g.item()))
    x.register_hook(lambda g: seen.append(g.item()))
    loss = y * 3
    look(loss, x=x, y=y)
    loss.backward()
    return [seen, x.grad]


def _tripled(sent: Any) -> Any:
    return tuple(None if gradient is None else gradient * 3 for gradient in sent)


def module_hooks(look: Look) -> Any:
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    model[0].register_forward_hook(lambda _m, _a, out: out * 2)
    model[1].register_forward_pre_hook(lambda _m, args: (args[0] + 1,))
    model[0].register_full_backward_hook(lambda _m, sent, _got: _tripled(sent))
    x = torch.ones(1, 2, requires_grad=True)
    out = model(x)
    loss = out.sum()
    look(loss, x=x, out=out)
    loss.backward()
    return [x.grad, [p.grad for p in model.parameters()]]


def hook_removed_halfway(look: Look) -> Any:
    x = torch.tensor(1.0, requires_grad=True)
    handle = x.register_hook(lambda g: g * 5)
    for _ in range(2):
        loss = x * 2
        look(loss)
        loss.backward()
        handle.remove()
    return x.grad


def saved_tensors_hooks(look: Look) -> Any:
    packed: list[tuple[int, ...]] = []
    x = torch.tensor([2.0, 3.0], requires_grad=True)

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        packed.append(tuple(tensor.shape))
        return tensor.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = (x * x).exp().sum()
    look(loss, x=x)
    loss.backward()
    return [packed, x.grad]


PROGRAMS: list[Program] = [
    hook_on_an_intermediate,
    hook_on_a_leaf,
    hook_on_a_leaf_after_its_first_use,
    hook_after_accumulation,
    hook_on_a_node,
    hooks_that_only_read,
    module_hooks,
    hook_removed_halfway,
    saved_tensors_hooks,
]
# torch.autograd.grad gives only one number where a hook changes a gradient
TRUE: list[Program] = [hooks_that_only_read, saved_tensors_hooks]
test_it_is_harmless, test_it_is_complete, _, test_it_can_be_drawn = three_parts(
    PROGRAMS
)
_, _, test_it_is_true, _ = three_parts(TRUE)


def test_both_numbers_of_a_changed_gradient_are_recorded() -> None:
    trace = watch(hook_on_an_intermediate).last
    # loss = 3y sends 3; the hook makes 30 of it; y = 2x sends 60
    assert edges_into(trace, "y") == [3]
    assert seen_as(trace, "grad_output", "y") == [30]
    assert seen_as(trace, "arrived", "x") == [60]


def test_the_picture_says_that_a_hook_changed_the_gradient() -> None:
    trace = watch(hook_on_an_intermediate).last
    assert "∂ 3 → 30 (hook)" in picture(trace)


def test_a_leafs_gradient_is_recorded_before_and_after_its_hook() -> None:
    for program, before, after in (
        (hook_on_a_leaf, 7, 2),
        (hook_on_a_leaf_after_its_first_use, 7, 1),
    ):
        trace = watch(program).last
        assert edges_into(trace, "x") == [before]
        assert seen_as(trace, "arrived", "x") == [before]
        assert seen_as(trace, "after", "x") == [after]
        assert f"∂ {before} → {after} (hook)" in picture(trace)


def test_what_a_hook_after_accumulation_makes_of_grad_is_shown() -> None:
    trace = watch(hook_after_accumulation).last
    assert seen_as(trace, "arrived", "x") == [8]
    assert seen_as(trace, "after", "x") == [8, 4]
    assert ".grad 8 → 4 (hook)" in picture(trace)


def test_hooks_on_a_node_show_on_both_sides_of_it() -> None:
    trace = watch(hook_on_a_node).last
    assert edges_into(trace, "y") == [3]
    assert seen_as(trace, "grad_output", "y") == [3, 103]
    # the node sent 206, its hook made 0 of it
    assert edges_into(trace, "x") == [206]
    assert seen_as(trace, "arrived", "x") == [0]


def test_hooks_that_only_read_change_no_number_and_no_picture() -> None:
    trace = watch(hooks_that_only_read).last
    assert "hook" not in picture(trace).replace("test_hooks", "")


def test_ops_of_the_users_forward_hooks_are_in_the_graph() -> None:
    trace = watch(module_hooks).last
    doubled, added = op_named(trace, "mul"), op_named(trace, "add")
    # between them stands the function that torch puts there for the backward hook
    between = trace.graph.values[added.inputs[0]].op
    assert between is not None
    assert set(trace.graph.ops[between].inputs) == set(doubled.outputs)
    assert op_named(trace, "tanh").inputs == added.outputs


def test_a_backward_hook_of_a_module_shows_what_it_changed() -> None:
    trace = watch(module_hooks).last
    names = [node.name for node in trace.graph.grad_nodes]
    assert names.count("BackwardHookFunctionBackward") == 2
    first = next(n for n in trace.graph.grad_nodes if n.name == "AddmmBackward0")
    sent = [s for slot, s in slots(trace, "edge") if slot.grad_node == first.id][1][0]
    (arrived,) = seen_as(trace, "arrived", "x")[0]
    assert [round(number * 3, 2) for number in sent] == [
        round(number, 2) for number in arrived
    ]


def test_a_removed_hook_is_gone_in_the_next_pass() -> None:
    trace = watch(hook_removed_halfway).last
    assert edges_into(trace, "x") == [2, 2]
    assert seen_as(trace, "after", "x") == [10, 12]
