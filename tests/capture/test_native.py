"""What is compiled does what its Python twin does."""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st

from graphscope.capture import flows, following, guard, likeness, recipes
from graphscope.capture.identity import TensorTable
from graphscope.capture.kernel import NATIVE
from graphscope.capture.reader import STATS, UNREAD, WHOLE, PlainReader
from graphscope.capture.readings import Readings
from graphscope.capture.records import RawNode, RawSlot, RawValue
from graphscope.model.graph import Role, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.packed import SlotTable

pytestmark = pytest.mark.skipif(
    NATIVE is None, reason="no compiler was there when graphscope was installed"
)
SHAPES = st.lists(st.integers(1, 7), max_size=4).map(tuple)
DTYPES = st.sampled_from(
    [
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.complex64, torch.float8_e4m3fn),
    ]
)


def _freed() -> torch.Tensor:
    tensor = torch.ones(9)[3:]
    tensor.untyped_storage().resize_(0)
    return tensor


ODD: dict[str, Callable[[], torch.Tensor]] = {
    "empty": lambda: torch.empty(0, 3),
    "scalar": lambda: torch.tensor(2.5),
    "negated": lambda: torch.tensor([1 + 2j]).conj().imag,
    "conjugated": lambda: torch.tensor([1 + 2j]).conj(),
    "expanded": lambda: torch.ones(1).expand(5),
    "transposed": lambda: torch.arange(6.0).reshape(2, 3).T,
    "channels last": lambda: torch.randn(2, 3, 4, 5).to(
        memory_format=torch.channels_last
    ),
    "overlapping": lambda: torch.ones(9).unfold(0, 3, 1),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "meta": lambda: torch.ones(2, device="meta"),
    "zeros of autograd": lambda: torch._efficientzerotensor((3,)),
    "freed": _freed,
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "infinite": lambda: torch.tensor([1.0, float("inf")]),
    "a subclass": lambda: torch.ones(2).as_subclass(type("Own", (torch.Tensor,), {})),
}


@pytest.fixture(params=[0, 3, 1000], name="whole")
def _whole(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


def make_readings(*, whole: int, stats: bool, is_plain: bool) -> Readings:
    """Return readings with one of the two readers."""
    readings = Readings(whole=whole, stats=stats)
    if is_plain:
        reader = PlainReader(whole, stats, readings._read_other, readings._grow)
        readings.reader = reader
        readings.read, readings.sample = reader.read, reader.sample
        readings._grow(1 << 16)
    return readings


def observe(tensor: torch.Tensor, **options: Any) -> tuple[int, Observation | None]:
    """Return which kind of reading was taken, and what it says."""
    readings = make_readings(**options)
    reading = readings.read(tensor)
    shape = () if tensor.is_nested else tuple(tensor.shape)
    name = str(tensor.dtype).removeprefix("torch.")
    return reading & 7, readings.decode(reading, shape, name)


def check_alike(tensor: torch.Tensor, *, whole: int, stats: bool) -> None:
    """Check that both readers see the same."""
    kind, seen = observe(tensor, whole=whole, stats=stats, is_plain=False)
    other_kind, other = observe(tensor, whole=whole, stats=stats, is_plain=True)
    assert kind == other_kind
    assert (seen is None) == (other is None)
    if seen is None or other is None:
        return
    if kind == WHOLE:
        assert seen.data is not None
        assert other.data is not None
        assert seen.data.tobytes() == other.data.tobytes()
    if kind == STATS:
        assert seen.summary is not None
        assert other.summary is not None
        for name in ("numel", "minimum", "maximum", "zeros", "nans", "infs"):
            one, two = getattr(seen.summary, name), getattr(other.summary, name)
            assert one == two or (one != one and two != two), name  # noqa: PLR0124
        for name in ("mean", "std", "l2"):
            one, two = getattr(seen.summary, name), getattr(other.summary, name)
            assert one == pytest.approx(two, rel=1e-6, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("stats", [True, False])
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.filterwarnings("ignore:.*nested tensors is in prototype stage.*")
def test_odd_tensors_are_read_alike(kind: str, whole: int, *, stats: bool) -> None:
    check_alike(ODD[kind](), whole=whole, stats=stats)


@given(SHAPES, DTYPES, st.permutations(range(4)), st.booleans(), st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_any_tensor_is_read_alike(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    order: list[int],
    is_cut: bool,  # noqa: FBT001 - hypothesis passes by place
    whole: int,
) -> None:
    tensor = (torch.randn(shape) * 3).to(dtype)
    tensor = tensor.permute([axis for axis in order if axis < tensor.dim()])
    if is_cut and tensor.dim():
        tensor = tensor[..., 1:]
    check_alike(tensor, whole=whole, stats=True)


def test_a_large_tensor_without_statistics_is_not_read() -> None:
    for is_plain in (True, False):
        kind, _ = observe(torch.ones(9), whole=3, stats=False, is_plain=is_plain)
        assert kind == UNREAD


@pytest.mark.parametrize("numbers", [[1.0, -2.0], [1.0, float("nan")], [float("inf")]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_known_to_be_finite_is_finite(
    numbers: list[float], dtype: torch.dtype, whole: int
) -> None:
    readings = Readings(whole=whole, stats=True)
    readings.read(torch.tensor(numbers, dtype=dtype))
    is_finite = all(abs(number) < float("inf") for number in numbers)
    assert readings.reader.is_finite == is_finite
    assert readings.pack([], SlotTable([])).is_finite == is_finite


def test_a_carried_number_that_is_not_finite_stays_known() -> None:
    readings = Readings(whole=10, stats=True)
    slot = RawSlot(Role.AFTER, readings.read(torch.tensor([float("nan")])), shape=(1,))
    readings.restart()
    assert readings.reader.is_finite
    readings.carry(slot.seen, slot)
    assert not readings.reader.is_finite


def test_the_buffer_grows_and_keeps_what_it_has() -> None:
    readings = Readings(whole=1 << 20, stats=True)
    first = readings.read(torch.arange(5.0))
    readings.read(torch.zeros(1 << 16))
    seen = readings.decode(first, (5,), "float32")
    assert seen is not None
    assert seen.data is not None
    assert seen.data.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("count", [2, 17, 40, 1000])
def test_samples_are_the_same(count: int) -> None:
    tensor = torch.randn(count)
    found = [
        make_readings(whole=8, stats=True, is_plain=is_plain).sample(tensor)
        for is_plain in (True, False)
    ]
    assert found[0] == found[1]
    assert bool(found[0]) == (count > 16)


def run_deep(depth: int, check: Callable[[FrameType], None]) -> None:
    if depth:
        run_deep(depth - 1, check)
    else:
        check(sys._getframe(0))


def test_chains_are_compared_alike() -> None:
    run_deep(3, check_chains)


def check_chains(frame: FrameType) -> None:
    chain: list[tuple[CodeType, int]] = []
    walk: FrameType | None = frame
    while walk is not None and len(chain) < 4:
        chain.append((walk.f_code, walk.f_lasti))
        walk = walk.f_back
    right = tuple(chain)
    moved = (*right[:2], (right[2][0], right[2][1] + 2), right[3])
    other = (*right[:3], (test_chains_are_compared_alike.__code__, 0))
    for wanted in (right, right[:1], moved, other, (), right * 40):
        for start in (frame, None):
            expected = recipes.plain_is_same_chain(start, wanted)
            assert recipes.is_same_chain(start, wanted) == expected
    assert recipes.is_same_chain(frame, right)


def make_value(**changes: Any) -> RawValue:
    about: dict[str, Any] = {
        "kind": ValueKind.INPUT,
        "shape": (2, 3),
        "dtype": "float32",
        "kind_of_number": torch.float32,
        "place": torch.device("cpu"),
        **changes,
    }
    return RawValue(**about)


def test_likeness_is_judged_alike() -> None:
    tensors = [
        torch.ones(2, 3),
        torch.ones(2, 3, requires_grad=True),
        torch.ones(2, 3, requires_grad=True) * 2,
        torch.ones(3, 2),
        torch.ones(2, 3, dtype=torch.float64),
        torch.ones(2, 3, device="meta"),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    ]
    values = [
        make_value(),
        make_value(requires_grad=True),
        make_value(requires_grad=True, is_leaf=False),
        make_value(place=torch.device("meta")),
    ]
    found = {
        (i, j): likeness.is_like(value, tensor)
        for i, value in enumerate(values)
        for j, tensor in enumerate(tensors)
    }
    assert {pair for pair, is_it in found.items() if is_it} == {
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 5),
    }
    for (i, j), is_it in found.items():
        assert likeness.plain_is_like(values[i], tensors[j]) == is_it


def run_node(is_plain: bool, outputs: Any, inputs: Any) -> Any:  # noqa: FBT001
    """Read a node twice, as its neighbour received it; return all that was noted."""
    readings = make_readings(whole=4, stats=True, is_plain=is_plain)
    read = flows.plain_read_node if is_plain else flows.read_node
    target, node = RawNode(1, "Target"), RawNode(2, "Node")
    node.edges = [(target, 0, None) for _ in inputs]
    shapes = [None if g is None else tuple(g.shape) for g in (*outputs, *inputs)]
    slots = [
        RawSlot(Role.EDGE, -1, shape=shape or (), kind_of_number=torch.float32)
        for shape in shapes
    ]
    done = read(readings.reader, node, slots, outputs, inputs, 7)
    seen = [slot.seen for slot in slots]
    inbox = {key: (sent[0], sent[1], *sent[3:]) for key, sent in target.inbox.items()}
    arrived = inputs[:1]
    fresh = [RawSlot(Role.EDGE, -1, shape=shapes[-1] or ())]
    fresh[0].kind_of_number = torch.float32
    target.inbox = {0: target.inbox[0]} if 0 in target.inbox else {}
    again = read(readings.reader, target, fresh, arrived, (), 7)
    return done, seen, inbox, again, fresh[0].seen, target.inbox


G = torch.randn(3, 4)
FLOWS: dict[str, tuple[Any, Any]] = {
    "handed on": ((G,), (G,)),
    "reshaped": ((G,), (G.T,)),
    "a small one reshaped": ((G[0],), (G[0].reshape(2, 2),)),
    "to two places": ((G,), (G * 2, G)),
    "none": ((None,), (None, G)),
    "of another shape": ((G,), (G[:2],)),
    "a part": ((G,), (G[:1],)),
    "nothing sent": ((G,), ()),
}


@pytest.mark.parametrize("kind", FLOWS)
def test_nodes_are_read_alike(kind: str) -> None:
    outputs, inputs = FLOWS[kind]
    assert run_node(False, outputs, inputs) == run_node(True, outputs, inputs)


def test_a_node_with_other_gradients_is_not_read() -> None:
    slots = [RawSlot(Role.EDGE, -1, shape=(2,), kind_of_number=torch.float32)]
    readings = Readings(whole=4, stats=True)
    for outputs in ((torch.ones(3),), (torch.ones(2).double(),), ()):
        node = RawNode(1, "Node")
        assert not flows.read_node(readings.reader, node, slots, outputs, (), 1)
        assert slots[0].seen == -1


def test_what_a_call_changed_and_made_is_found_alike() -> None:
    x, y, z = torch.ones(2), torch.ones(2), torch.ones(2)
    seen: list[tuple[torch.Tensor, int | None]] = [(x, x._version), (y, y._version)]
    x.add_(1)
    for changed in ((True, False), (False, False), (True, True)):
        for made in (0, 1):
            for results in ([z], [x], [x, z], []):
                found = following.changed_and_made(changed, made, seen, results)
                plain = following.plain_changed_and_made(changed, made, seen, results)
                assert (found is None) == (plain is None)
                assert [id(t) for t in found or ()] == [id(t) for t in plain or ()]
    assert following.changed_and_made((True, False), 1, seen, [z]) is not None


class _Lock:
    """Counts how often it is held."""

    def __init__(self) -> None:
        self.held = 0
        self.most = 0

    def acquire(self) -> bool:
        self.held += 1
        self.most = max(self.most, self.held)
        return True

    def release(self) -> None:
        self.held -= 1

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def fail(error: BaseException) -> None:
    raise error


def nothing() -> None:
    raise AssertionError("nothing was pending")


def test_guards_let_go_whatever_happens() -> None:
    faults: list[BaseException] = []
    assert NATIVE is not None
    for run in (guard.plain_run_gated, NATIVE.run_gated):
        lock, hide = _Lock(), torch._C.DisableTorchFunction
        given = lock, hide, torch.is_grad_enabled, torch._C._set_grad_enabled
        calm: Any = (*given, faults.append, [], nothing)
        assert run(*calm, max, 3, 5) == 5
        assert run(*calm, fail, ValueError("ours")) is None
        with pytest.raises(KeyboardInterrupt):
            run(*calm, fail, KeyboardInterrupt())
        with pytest.raises(ZeroDivisionError):
            run(*given, fail, [], nothing, fail, ZeroDivisionError())
        run(*calm, torch._C._set_grad_enabled, False)
        assert torch.is_grad_enabled()
        assert (lock.held, lock.most) == (0, 1)
        assert torch._C._is_torch_function_enabled()
    assert [type(fault) for fault in faults] == [ValueError, ValueError]
    assert all(fault.__traceback__ is not None for fault in faults)


def test_what_is_pending_is_released_outside_of_the_guard() -> None:
    assert NATIVE is not None
    for run in (guard.plain_run_gated, NATIVE.run_gated):
        lock, pending = _Lock(), [1]
        seen: list[object] = []

        def release(lock: _Lock = lock, seen: list[object] = seen) -> None:
            is_free = torch._C._is_torch_function_enabled()
            seen.append((lock.held, is_free, torch.is_grad_enabled()))

        def stop() -> None:
            raise SystemExit(3)

        given = (
            *(lock, torch._C.DisableTorchFunction),
            *(torch.is_grad_enabled, torch._C._set_grad_enabled),
            *(seen.append, pending),
        )
        assert run(*given, release, max, 3, 5) == 5
        run(*given, release, torch._C._set_grad_enabled, False)
        assert seen == [(0, True, True)] * 2
        with pytest.raises(SystemExit):
            run(*given, stop, max, 3, 5)
        with pytest.raises(KeyError):  # it is not held while an error passes
            run(*given[:4], fail, pending, stop, {}.__getitem__, "missing")
        pending.clear()
        assert run(*given, release, max, 3, 5) == 5
        assert len(seen) == 2
        assert lock.held == 0


def test_a_tensor_is_recognised_alike() -> None:
    table = TensorTable(key="key", readings=Readings(whole=4, stats=True))
    kept, lost = torch.ones(2), torch.ones(3)
    value = table.make_value(kept, site=None)
    table.bind(kept, value)
    parameter = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    table.bind(parameter, table.make_value(parameter, site=None))
    for tensor, is_known in ((kept, True), (lost, False), (parameter, True)):
        assert (table.entry(tensor) is not None) is is_known
        assert table.entry(tensor) is table._entry(tensor)
    table.known[id(lost)] = table.known[id(kept)]  # as if the id were used again
    assert table.entry(lost) is None


def test_wrong_arguments_raise_and_do_not_crash() -> None:
    assert NATIVE is not None
    for call in (
        lambda: NATIVE.is_same_chain(None),
        lambda: NATIVE.is_same_chain(None, []),
        lambda: NATIVE.read_node(1, 2, 3, 4, 5, 6),
        lambda: NATIVE.follow_nodes(*range(9)),
        lambda: NATIVE.accept_all(*range(8)),
        lambda: NATIVE.changed_and_made(1, 2, 3, 4),
        lambda: NATIVE.run_gated(1),
        lambda: NATIVE.run_gated(1, 2, 3, 4, 5, (), 7, 8),
        lambda: NATIVE.Reader(1),
        lambda: NATIVE.After(1),
        lambda: NATIVE.configure(1),
    ):
        with pytest.raises(TypeError):
            call()
