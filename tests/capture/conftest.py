"""The clean net: whatever a test does, no hook and no mode of ours is left behind."""

from collections.abc import Iterator

import pytest
import torch
from torch.nn.modules import module
from torch.optim import optimizer

from graphscope.capture import holders
from graphscope.capture.recorder import running_recorder

# Tests of threads ask as the zoo does: registered before their first import.
pytest.register_assert_rewrite("tests.zoo.watching", "tests.zoo.asking")


def _installed() -> tuple[int, ...]:
    return (
        torch._C._len_torch_function_stack(),
        len(module._global_forward_hooks),
        len(module._global_forward_pre_hooks),
        len(optimizer._global_optimizer_pre_hooks),
        len(optimizer._global_optimizer_post_hooks),
    )


@pytest.fixture(autouse=True)
def _searches_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the process of all tests one garbage collection takes longer than a search."""
    monkeypatch.setattr(holders, "_LONGEST_S", 60.0)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = _installed()
    torch.manual_seed(0)
    yield
    assert running_recorder() is None
    assert _installed() == before
