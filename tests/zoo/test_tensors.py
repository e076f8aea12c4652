"""Kinds of tensors: nested, sparse, complex, empty, meta, fake, subclasses."""

import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.zoo.asking import gaps, numbers, op_named, op_names, picture, seen_as
from tests.zoo.watching import Look, Program, three_parts, watch

pytestmark = [
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
    pytest.mark.filterwarnings("ignore:Sparse CSR tensor support"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of MaskedTensors"),
]


def complex_numbers(look: Look) -> Any:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = z * z.conj()
    loss = y.real.sum() + z.imag.sum()
    look(loss, z=z, y=y)
    loss.backward()
    return [z.grad, y]


def sparse_embedding(look: Look) -> Any:
    table = nn.Embedding(5, 2, sparse=True)
    out = table(torch.tensor([1, 3, 3]))
    loss = out.sum()
    look(loss, out=out)
    loss.backward()
    return table.weight.grad


def sparse_product(look: Look) -> Any:
    w = torch.ones(3, 2, requires_grad=True)
    a = torch.eye(3).to_sparse()
    y = torch.sparse.mm(a, w)
    csr = torch.eye(3).to_sparse_csr()
    z = csr @ w
    loss = (y + z).sum()
    look(loss, w=w)
    loss.backward()
    return [w.grad, a, y]


def jagged(look: Look) -> Any:
    w = torch.ones(2, 2, requires_grad=True)
    parts = [torch.ones(1, 2), torch.ones(3, 2)]
    batch = torch.nested.nested_tensor(parts, layout=torch.jagged)
    out = batch @ w
    loss = out.values().sum()
    look(loss, w=w)
    loss.backward()
    return [w.grad]


def nested_strided(look: Look) -> Any:
    w = torch.ones(2, requires_grad=True)
    batch = torch.nested.as_nested_tensor([w * 2, w[:1] * 3])
    loss = torch.nested.to_padded_tensor(batch, 0.0).sum()
    look(loss, w=w)
    loss.backward()
    return [w.grad, batch]


def no_elements(look: Look) -> Any:
    w = torch.ones(0, 3, requires_grad=True)
    y = torch.cat([w, torch.ones(1, 3)]) * 2
    empty = w.sum(dim=1)
    loss = y.sum() + empty.sum()
    look(loss, w=w, y=y, empty=empty)
    loss.backward()
    return [w.grad, y]


def on_meta(look: Look) -> Any:
    model = nn.Linear(1000, 1000, device="meta")
    out = model(torch.empty(64, 1000, device="meta"))
    loss = out.sum()
    look(loss)
    loss.backward()
    return [p.grad for p in model.parameters()]


def fake(look: Look) -> Any:
    with FakeTensorMode():
        model = nn.Linear(8, 8)
        out = model(torch.empty(4, 8))
        loss = out.sum()
        look(loss)
        loss.backward()
        return [tuple(p.grad.shape) for p in model.parameters() if p.grad is not None]


def narrow_types(look: Look) -> Any:
    w = torch.ones(2, dtype=torch.float16, requires_grad=True)
    y = w.to(torch.bfloat16) * 3
    small = y.detach().to(torch.float8_e4m3fn)
    loss = y.float().sum()
    look(loss, w=w, y=y)
    loss.backward()
    return [w.grad, y, small.float()]


def not_finite(look: Look) -> Any:
    x = torch.tensor([0.0, -1.0, 4.0], requires_grad=True)
    y = x.sqrt()
    z = 1 / x
    loss = (y + z).sum()
    look(loss, x=x, y=y, z=z)
    loss.backward()
    return [x.grad, y, z]


def integers_and_indices(look: Look) -> Any:
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    order = torch.argsort(x)
    best = x.argmax()
    mask = x > 1.5
    loss = x[order][0] + x[mask].sum() + x[best]
    look(loss, x=x, order=order, mask=mask)
    loss.backward()
    return [x.grad, order, best.item(), mask]


class Tagged(torch.Tensor):
    """A subclass with a torch function of its own, which counts."""

    calls: int = 0

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Count, and go on."""
        cls.calls += 1
        return super().__torch_function__(func, types, args, kwargs or {})


def subclass(look: Look) -> Any:
    Tagged.calls = 0
    w = torch.ones(2, requires_grad=True)
    x = torch.tensor([1.0, 2.0]).as_subclass(Tagged)
    y = x * w
    loss = (y + 1).sum()
    look(loss)
    loss.backward()
    return [w.grad, type(y).__name__, Tagged.calls]


def masked(look: Look) -> Any:
    del look
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = torch.masked.masked_tensor(
            torch.tensor([1.0, 2.0]), torch.tensor([True, False])
        )
        total: Any = (data * 2).sum()
        return float(total.get_data())


def quantized(look: Look) -> Any:
    del look
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        q = torch.quantize_per_tensor(torch.tensor([1.0, 2.0]), 0.1, 0, torch.quint8)
        return (q.dequantize() * 2).tolist()


def resized(look: Look) -> Any:
    """Storage that grows and shrinks, as FSDP does with its parameters."""
    w = torch.ones(2, requires_grad=True)
    loss = (w * 2).sum()
    look(loss, w=w)
    loss.backward()
    buffer = torch.ones(2) * 3
    buffer.untyped_storage().resize_(0)
    buffer.untyped_storage().resize_(8)
    buffer.fill_(5.0)
    grown = torch.zeros(1) + 1
    grown.resize_(3).fill_(1.0)
    return [buffer, grown, grown.untyped_storage().resizable()]


def parameters_in_lists(look: Look) -> Any:
    weights = nn.ParameterList([torch.ones(1), torch.ones(1) * 2])
    table = nn.ParameterDict({"scale": nn.Parameter(torch.ones(1) * 3)})
    loss = (weights[0] * weights[1] * table["scale"]).sum()
    look(loss)
    loss.backward()
    return [p.grad for p in [*weights.parameters(), *table.parameters()]]


def default_device_and_dtype(look: Look) -> Any:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("cpu"):
            w = torch.ones(2, requires_grad=True)
            loss = (w * 0.1).sum()
            look(loss, w=w)
            loss.backward()
    finally:
        torch.set_default_dtype(torch.float32)
    return [w.grad]


PROGRAMS: list[Program] = [
    complex_numbers,
    sparse_embedding,
    sparse_product,
    nested_strided,
    no_elements,
    narrow_types,
    not_finite,
    integers_and_indices,
    resized,
    parameters_in_lists,
    default_device_and_dtype,
]
NUMBERLESS: list[Program] = [jagged, on_meta, fake, subclass]
test_it_is_harmless, *_ = three_parts([*PROGRAMS, *NUMBERLESS, masked, quantized])
_, test_it_is_complete, _, test_it_can_be_drawn = three_parts(PROGRAMS + NUMBERLESS)
_, _, test_it_is_true, _ = three_parts(
    [program for program in PROGRAMS if program is not default_device_and_dtype]
)


def test_complex_gradients_are_torchs_own() -> None:
    trace = watch(complex_numbers).last
    z = trace.resolve("z")
    # d(z z*)/dz in torch's convention is 2z; the imaginary part adds 1j
    assert seen_as(trace, "arrived", "z") == [[2 + 5j, 6 - 1j]]
    assert z.dtype == "complex64"
    assert "∂ [2+5i, 6−1i]" in picture(trace)


def test_a_sparse_gradient_is_shown_with_its_numbers() -> None:
    trace = watch(sparse_embedding).last
    weight = trace.resolve("weight")
    arrived = seen_as(trace, "arrived", "weight")
    # row 1 once, row 3 twice
    assert arrived == [[[0, 0], [1, 1], [0, 0], [2, 2], [0, 0]]]
    assert weight.name == "weight"
    assert "sparse" in picture(trace)


def test_sparse_operands_are_values_with_shape() -> None:
    trace = watch(sparse_product).last
    a = trace.resolve("a")
    assert (a.shape, a.dtype) == ((3, 3), "float32")
    assert a.id in op_named(trace, "_sparse_mm").inputs
    assert seen_as(trace, "arrived", "w") == [[[2, 2]] * 3]


def test_a_nested_tensor_is_one_value_of_unknown_sizes() -> None:
    trace = watch(jagged).last
    assert "matmul" in op_names(trace)
    assert seen_as(trace, "arrived", "w") == [[[4, 4], [4, 4]]]
    assert gaps(trace) == []


def test_a_tensor_without_elements_is_shown_as_empty() -> None:
    trace = watch(no_elements).last
    (empty,) = seen_as(trace, "value", "w")
    assert empty == []
    assert "f32[0, 3]" in picture(trace)


def test_meta_and_fake_tensors_have_shape_and_no_numbers() -> None:
    for program, shape, kind in (
        (on_meta, (64, 1000), ""),
        (fake, (4, 8), "FakeTensor "),
    ):
        trace = watch(program).last
        out = trace.resolve("out")
        assert numbers(trace.value_of(out.id)) is None
        assert (out.shape, out.dtype) == (shape, "float32")
        assert "linear" in op_names(trace)
        assert f"f32[{shape[0]}, {shape[1]}] {kind}not read" in picture(trace)


def test_nan_and_inf_are_shown_as_what_they_are() -> None:
    trace = watch(not_finite).last
    assert str(seen_as(trace, "value", "y")[0]) == "[0.0, nan, 2.0]"
    assert str(seen_as(trace, "value", "z")[0]) == "[inf, -1.0, 0.25]"
    assert "NaN" in picture(trace) or "nan" in picture(trace)


def test_an_index_is_a_cut_and_says_why() -> None:
    trace = watch(integers_and_indices).last
    assert op_named(trace, "argsort").cut == "int64 result"
    assert op_named(trace, "gt").cut == "bool result"
    assert "cut: int64 result" in picture(trace)


def test_a_subclass_has_its_shape_and_its_ops() -> None:
    trace = watch(subclass).last
    y = trace.resolve("y")
    assert y.shape == (2,)
    assert "mul" in op_names(trace)
    assert seen_as(trace, "arrived", "w") == [[1, 2]]


def test_the_class_of_a_subclass_is_shown() -> None:
    assert "Tagged" in picture(watch(subclass).last)


def test_a_tensor_made_under_a_default_device_has_its_name() -> None:
    assert watch(default_device_and_dtype).last.graph.names["w"]
