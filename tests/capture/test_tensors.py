"""What is read of a tensor: whole, as statistics, or nothing but its type."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from graphscope.capture import reader as reader_module
from graphscope.capture.deferred import DeferredReadings
from graphscope.capture.kernel import NATIVE
from graphscope.capture.readings import Readings
from graphscope.capture.tensors import dtype_name, flatten_tensors, shape_of
from graphscope.model.observation import Observation, Stats, summarize
from graphscope.model.packed import STATS

KINDS: dict[str, Callable[[], torch.Tensor]] = {
    "zero size": lambda: torch.ones(0, 3),
    "int64": lambda: torch.arange(4),
    "uint8": lambda: torch.ones(2, dtype=torch.uint8),
    "bool": lambda: torch.tensor([True, False]),
    "half": lambda: torch.ones(2, dtype=torch.float16),
    "complex": lambda: torch.ones(2, dtype=torch.complex64),
    "conjugated": lambda: torch.tensor([1 + 2j]).conj(),
    "negated view": lambda: torch.tensor([1 + 2j]).conj().imag,
    "transposed": lambda: torch.arange(6.0).reshape(2, 3).T,
    "expanded": lambda: torch.ones(1).expand(3),
    "parameter": lambda: torch.nn.Parameter(torch.ones(2)),
    "needs gradient": lambda: torch.ones(2, requires_grad=True) * 2,
}
UNREADABLE: dict[str, Callable[[], torch.Tensor]] = {
    "meta": lambda: torch.ones(2, device="meta"),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    "subclass": lambda: torch.ones(2).as_subclass(type("Mine", (torch.Tensor,), {})),
}


@pytest.fixture(params=["compiled", "torch"], autouse=True)
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(reader_module, "NATIVE", None)
    elif NATIVE is None:
        pytest.skip("no compiler was there when graphscope was installed")


def observe(tensor: torch.Tensor | None, *, stats: bool = True) -> Observation | None:
    """Read a tensor and decode what was read."""
    readings = Readings(whole=256, stats=stats)
    reading = readings.read(tensor)
    if tensor is None:
        return readings.decode(reading, (), "float32")
    return readings.decode(reading, shape_of(tensor), dtype_name(tensor))


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_tensor_is_copied_exactly(kind: str) -> None:
    tensor = KINDS[kind]()
    seen = observe(tensor)
    assert seen is not None
    assert seen.data is not None
    plain = tensor.detach().resolve_conj().resolve_neg()
    np.testing.assert_array_equal(seen.data, plain.numpy())
    assert seen.data.shape == tuple(tensor.shape)
    assert seen.data.base is None  # a copy: nothing of the user's is kept


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_a_narrow_float_is_widened(dtype: torch.dtype) -> None:
    seen = observe(torch.tensor([1.5, -2.0]).to(dtype))
    assert seen is not None
    assert seen.data is not None
    assert seen.data.dtype == np.dtype(np.float32)
    assert seen.data.tolist() == [1.5, -2.0]


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.filterwarnings("ignore:.*quantize:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*quant.*:UserWarning")
def test_an_unknown_kind_is_not_read(kind: str) -> None:
    assert observe(UNREADABLE[kind]()) == Observation()


def test_a_small_sparse_tensor_is_read_as_the_dense_one() -> None:
    seen = observe(torch.eye(2).to_sparse())
    assert seen is not None
    assert seen.data is not None
    assert seen.data.tolist() == [[1, 0], [0, 1]]


def test_no_tensor_is_none() -> None:
    assert observe(None) is None


@pytest.mark.parametrize(
    "tensor",
    [
        torch.linspace(-3, 5, 1000),
        torch.linspace(-3, 5, 1000, dtype=torch.float64) + 1e6,
        torch.linspace(-3, 5, 1000, dtype=torch.bfloat16),
        torch.arange(1000) % 7,
        torch.arange(1000) % 2 == 0,
        torch.polar(torch.linspace(0, 1, 1000), torch.linspace(0, 9, 1000)),
        torch.where(torch.arange(1000) % 9 == 0, math.nan, 2.0),
        torch.where(torch.arange(1000) % 9 == 0, -math.inf, 2.0),
        torch.full((1000,), math.nan),
        torch.linspace(-3, 5, 1001, dtype=torch.float16),
        torch.linspace(-1, 1, 1000).reshape(20, 50).T,
        torch.linspace(-1, 1, 1200).reshape(2, 3, 10, 20)[:, :, ::2, 1:],
        torch.linspace(-1, 1, 10)[None, :, None].expand(20, 10, 30),
        torch.linspace(1, 2, 1001) * 1e30,
        torch.zeros(999),
    ],
    ids=[
        *("f32", "f64", "bf16", "i64", "b8", "c64", "some nan", "some inf", "all nan"),
        *("f16", "transposed", "strided", "expanded", "squares overflow f32", "zeros"),
    ],
)
def test_statistics_of_a_large_tensor_equal_numpys(tensor: torch.Tensor) -> None:
    seen = observe(tensor)
    assert seen is not None
    assert seen.data is None
    assert seen.summary is not None
    is_narrow = tensor.dtype in (torch.bfloat16, torch.float16)
    plain = tensor.float() if is_narrow else tensor
    expected = summarize(plain.numpy())
    for name in Stats.__slots__:
        found, wanted = getattr(seen.summary, name), getattr(expected, name)
        # float64 sums in another order, and a variance that may lose four digits
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6, nan_ok=True), name


def test_large_tensors_have_no_numbers_without_statistics() -> None:
    assert observe(torch.ones(1000), stats=False) == Observation()


def test_what_waits_on_a_device_is_fetched_at_once() -> None:
    # The device is the CPU here: the arithmetic is the same.
    deferred = DeferredReadings(whole=4, stats=True)
    large = torch.where(torch.arange(1000) % 9 == 0, math.inf, torch.arange(1000.0))
    small = torch.tensor([1, 2, 3], dtype=torch.int16)
    sizes = [deferred.measure(large)]
    deferred.add(0)
    sizes.append(deferred.measure(small))
    deferred.add(100)
    found = {place: numbers.tobytes() for place, numbers in deferred.fetch()}
    assert sizes == [72, 6]
    assert found[100] == small.numpy().tobytes()
    stats = Stats(*STATS.unpack(found[0]))
    expected = summarize(large.numpy())
    for name in Stats.__slots__:
        wanted = getattr(expected, name)
        assert getattr(stats, name) == pytest.approx(wanted, rel=1e-6), name
    assert not deferred.is_waiting


def test_reading_draws_no_random_number_and_changes_no_version() -> None:
    tensor = torch.randn(1000, requires_grad=True)
    state, version = torch.get_rng_state(), tensor._version
    observe(tensor)
    assert torch.equal(torch.get_rng_state(), state)
    assert tensor._version == version


def test_containers_are_walked_with_their_paths_and_cycles_end() -> None:
    one = torch.ones(1)
    cyclic: list[object] = [one]
    cyclic.append(cyclic)
    assert [path for path, _ in flatten_tensors({"a": [one, (one,)], "b": 3})] == [
        "[a][0]",
        "[a][1][0]",
    ]
    assert len(list(flatten_tensors(cyclic))) == 4
