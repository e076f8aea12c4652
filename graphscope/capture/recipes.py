"""What makes a call the same call as in the step before.

A recipe is learned when an op is recorded: the function, the place in every frame of
the call stack, the arguments, and which of them the call changed. A later call that
fits it is that op again, without looking at any source.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Final, Protocol

import torch

from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.kernel import NATIVE
from graphscope.capture.records import RawValue
from graphscope.capture.tensors import PLAIN_TYPES

Chain = tuple[tuple[CodeType, int], ...]

_MAX_FRAMES: Final = 400
_MAX_OWN_FRAMES: Final = 40
_MAX_ITEMS: Final = 64
_COMPARED: Final = frozenset(
    {int, float, complex, str, bool, bytes, torch.device, range, type(Ellipsis)}
)
_SEQUENCES: Final = frozenset({tuple, list, torch.Size})


class Anything:
    """Stands for an argument that the record does not depend on: no tensor, though."""


ANYTHING: Final = Anything()


@dataclass(frozen=True, slots=True)
class Number:
    """A Python number that is drawn as a constant.

    `fixed` is its only allowed value; None when it stands under a name of the user's
    and may be another one next time.
    """

    kind: type
    value: RawValue
    fixed: float | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list or tuple of arguments."""

    kind: type
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to recognise an op.

    Attributes:
        func: The function that was called.
        chain: Code and instruction of every frame, from the caller outwards.
        args: What each positional argument was.
        keywords: Likewise of the keyword arguments, in their order.
        changed: For each tensor among the arguments whether the call changed it.
        silent: Likewise whether it changed it without counting a new version.
        has_gradient: Whether gradients were recorded.
        depth: How many optimizers were in their step.
        made: How many tensors it returned that it was not given.
        writes: Whether it changed any of its arguments.
    """

    func: Any
    chain: Chain
    args: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]
    changed: tuple[bool, ...]
    silent: tuple[bool, ...]
    has_gradient: bool
    depth: int
    made: int
    writes: bool = False


def chain_of(frame: FrameType | None, walker: FrameWalker) -> Chain:
    """Return code and instruction of each frame up to the user's outermost one."""
    found: list[tuple[CodeType, int]] = []
    end = 0
    count = 0
    while frame is not None and count < _MAX_FRAMES:
        owner = walker.owner(frame.f_code)
        if owner is Owner.OURS or (owner is Owner.MODE and not count):
            if count:
                break
            frame = frame.f_back
            continue
        found.append((frame.f_code, frame.f_lasti))
        count += 1
        if owner is Owner.USER:
            end = len(found)
        frame = frame.f_back
    return tuple(found[:end])


def plain_is_same_chain(frame: FrameType | None, chain: Chain) -> bool:
    """Whether the call stack is at the same place as when `chain` was made."""
    if not chain:
        return False
    for code, instruction in chain:
        if frame is None or frame.f_code is not code or frame.f_lasti != instruction:
            return False
        frame = frame.f_back
    return True


is_same_chain: Final[Callable[[FrameType | None, Chain], bool]] = (
    plain_is_same_chain if NATIVE is None else NATIVE.is_same_chain
)


def user_chain_start(chain: Chain) -> FrameType | None:
    """Return the frame at which a chain that our code recorded would begin."""
    frame: FrameType | None = sys._getframe(1)
    wanted = chain[0][0] if chain else None
    for _ in range(_MAX_OWN_FRAMES):
        if frame is None or frame.f_code is wanted:
            return frame
        frame = frame.f_back
    return None


class NoRecipeError(Exception):
    """An argument that cannot be compared without running foreign code."""


def learn_argument(
    argument: Any, values: Iterator[Any], *, has_text: bool, depth: int = 4
) -> Any:
    """Return what stands for `argument` in a recipe.

    Args:
        argument: What the call was given.
        values: The values of the call's tensors, in order.
        has_text: Whether the record shows the user's text for it, not its contents.
        depth: How many lists may be nested.

    Raises:
        NoRecipeError: It is of a kind that cannot be compared.
    """
    kind = type(argument)
    if isinstance(argument, torch.Tensor):
        if kind not in PLAIN_TYPES or argument.is_nested:
            raise NoRecipeError
        return next(values)
    if kind in _SEQUENCES and depth and len(argument) <= _MAX_ITEMS:
        items = [
            learn_argument(item, values, has_text=has_text, depth=depth - 1)
            for item in argument
        ]
        return Items(kind, tuple(items))
    if kind is slice:
        return argument
    if kind in _SEQUENCES or kind is dict:
        raise NoRecipeError
    if has_text and kind in _COMPARED:
        return ANYTHING
    return argument


class CallLike(Protocol):
    """What this module needs of a call."""

    func: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: list[tuple[str, torch.Tensor]]
    versions: list[int | None]
    frame: FrameType | None
    constants: dict[int | str, RawValue]
    texts: set[int | str]
    silent: list[torch.Tensor]


def learn_recipe(
    call: CallLike,
    read: Sequence[RawValue | None],
    outputs: Sequence[torch.Tensor],
    *,
    depth: int,
    walker: FrameWalker,
) -> Recipe | None:
    """Return how to recognise `call`, None for one that cannot be recognised.

    Args:
        call: The call, which has returned.
        read: What each of its tensors was before it.
        outputs: The tensors that it made or changed.
        depth: How many optimizers were in their step.
        walker: Knows whose frames are whose.
    """
    if any(value is None for value in read):
        return None
    if any(type(tensor) not in PLAIN_TYPES for tensor in outputs):
        return None
    values = iter(read)
    try:
        args = tuple(
            _learn(call, place, argument, values)
            for place, argument in enumerate(call.args)
        )
        keywords = tuple(
            (name, _learn(call, name, argument, values))
            for name, argument in call.kwargs.items()
        )
    except NoRecipeError:
        return None
    changed = tuple(
        version is not None and tensor._version != version
        for (_, tensor), version in zip(call.tensors, call.versions, strict=True)
    )
    silent = tuple(
        any(tensor is other for other in call.silent) for _, tensor in call.tensors
    )
    given = [tensor for _, tensor in call.tensors]
    return Recipe(
        func=call.func,
        chain=chain_of(call.frame, walker),
        args=args,
        keywords=keywords,
        changed=changed,
        silent=silent,
        has_gradient=torch.is_grad_enabled(),
        depth=depth,
        made=sum(not any(t is other for other in given) for t in outputs),
        writes=any(changed),
    )


def _learn(
    call: CallLike, place: int | str, argument: Any, values: Iterator[Any]
) -> Any:
    constant = call.constants.get(place)
    if constant is None:
        return learn_argument(argument, values, has_text=place in call.texts)
    is_fixed = constant.name == repr(argument)
    return Number(type(argument), constant, argument if is_fixed else None)


def is_equal(expected: Any, given: Any) -> bool:
    """Whether two arguments that are no tensors are the same, running no user code."""
    if expected is given:
        return True
    if expected is ANYTHING:
        return type(given) in _COMPARED or given is None
    kind = type(given)
    if kind is not type(expected):
        return False
    if kind in _COMPARED:
        return bool(expected == given)
    if kind is slice:
        return all(
            type(bound) in (int, type(None)) and bound == other
            for bound, other in (
                (given.start, expected.start),
                (given.stop, expected.stop),
                (given.step, expected.step),
            )
        )
    return False


def same_keys(keywords: Sequence[tuple[str, Any]], given: Mapping[str, Any]) -> bool:
    """Whether a call has the keyword arguments of a recipe, in the same order."""
    if len(keywords) != len(given):
        return False
    if not keywords:
        return True
    return all(name == key for (name, _), key in zip(keywords, given, strict=True))
