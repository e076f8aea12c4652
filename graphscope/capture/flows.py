"""Reading what flows through an autograd node, each piece of memory once.

What a node only reshapes or hands on is the memory that it received; what reaches the
next node alone is what was sent to it. `Sent` notes let that be known without keeping
a gradient.
"""

from collections.abc import Callable, Sequence
from typing import Final

import torch

from graphscope.capture.channel import Tensors
from graphscope.capture.kernel import NATIVE
from graphscope.capture.likeness import are_alike
from graphscope.capture.memory import address_of, is_same_block
from graphscope.capture.reader import ABSENT, KIND, STATS, Reading, TensorReader
from graphscope.capture.records import RawNode, RawSlot, Sent
from graphscope.capture.tensors import PLAIN_TYPES


def plain_read_node(
    reader: TensorReader,
    node: RawNode,
    slots: list[RawSlot],
    outputs: Tensors,
    inputs: Tensors,
    task: int,
) -> bool:
    """Read what a node received and sent into the slots of the step before.

    Args:
        reader: Reads tensors.
        node: The node that has run.
        slots: One for each of `outputs`, then one for each of `inputs`.
        outputs: The gradients of its results.
        inputs: The gradients that it sends along its edges.
        task: The backward that runs.

    Returns:
        False when the slots are for other gradients; then nothing is read.
    """
    count = len(outputs)
    if not are_alike(slots, (*outputs, *inputs)) or not has_same_hooks(slots, count):
        return False
    for index, gradient in enumerate(outputs):
        slots[index].seen = read_output(reader, node, index, gradient, task)
    for index, gradient in enumerate(inputs):
        slot = slots[count + index]
        slot.seen = read_edge(reader, node, index, gradient, (outputs, slots), task)
    return True


def has_same_hooks(slots: Sequence[RawSlot], count: int) -> bool:
    """Whether the user has hooked the same results as when `slots` were made."""
    for slot in slots[:count]:
        value = slot.value
        if value is not None and value.has_hook is not bool(slot.label):
            return False
    return True


def read_output(
    reader: TensorReader,
    node: RawNode,
    position: int,
    gradient: torch.Tensor | None,
    task: int,
) -> Reading:
    """Read what reached an output; a single gradient was read when it was sent.

    It is the same memory, which the engine kept in between, and nobody wrote to it.
    """
    sent = node.inbox.pop(position, None) if node.inbox else None
    if gradient is None:
        return ABSENT
    reading = find_sent(node, sent, position, gradient, task)
    return reader.read(gradient) if reading is None else reading


def find_sent(
    node: RawNode,
    sent: Sent | None,
    position: int,
    gradient: torch.Tensor,
    task: int,
) -> Reading | None:
    """Return the reading of what was sent to an output, if that is what reached it."""
    if sent is None or not is_sent(sent, gradient, task):
        return None
    value = node.outputs.get(position)
    return sent[1] if value is None or not value.has_hook else None


def read_edge(
    reader: TensorReader,
    node: RawNode,
    position: int,
    gradient: torch.Tensor | None,
    received: tuple[Tensors, Sequence[RawSlot]],
    task: int,
) -> Reading:
    """Read what is sent along an edge, and note it at the other end."""
    target, output, _ = (
        node.edges[position] if position < len(node.edges) else (None, 0, None)
    )
    if gradient is None:
        return ABSENT
    is_plain = type(gradient) in PLAIN_TYPES and gradient.is_cpu
    address = address_of(gradient) if is_plain else 0
    reading = _same_memory(gradient, address, *received) if address else -1
    if reading < 0:
        reading = reader.read(gradient)
    if target is not None:
        sent = target.inbox.get(output)
        if sent is not None and sent[4] == task:
            target.inbox[output] = (sent[0] + 1, *sent[1:])
        elif address:
            target.inbox[output] = 1, reading, address, gradient._version, task
    return reading


def is_sent(sent: Sent, gradient: torch.Tensor, task: int) -> bool:
    """Whether `gradient` is what was sent, alone, and nothing has changed it."""
    count, _, address, version, sent_in = sent
    return (
        count == 1
        and sent_in == task
        and type(gradient) in PLAIN_TYPES
        and version == gradient._version
        and address == gradient.data_ptr()
    )


def _same_memory(
    gradient: torch.Tensor, address: int, outputs: Tensors, slots: Sequence[RawSlot]
) -> Reading:
    """Return the reading of an output that is the very same memory, or -1.

    Only for statistics: whole data is kept in the order of its axes.
    """
    numel = gradient.numel()
    for index, other in enumerate(outputs):
        if other is None or index >= len(slots):
            continue
        reading = slots[index].seen
        if (
            other.is_cpu
            and other.numel() == numel
            and type(other) in PLAIN_TYPES
            and not other.is_nested
            and other.data_ptr() == address
            and other.dtype is gradient.dtype
            and is_same_block(gradient, other, is_whole=reading & KIND != STATS)
        ):
            return reading
    return -1


read_node: Final[Callable[..., bool]] = (
    plain_read_node if NATIVE is None else NATIVE.read_node
)
