"""Verdict 3: every recorded number is the tensor's, every gradient autograd's own."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from graphscope.model.graph import EventKind, OpKind, Role, Slot, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from tests.oracle.jacobians import find_wrong_jacobians
from tests.oracle.matching import Matches
from tests.oracle.numbers import differs, is_read
from tests.oracle.witness import Seen, Testimony, see

_RECEIVED: Final = (Role.GRAD_OUTPUT, Role.ARRIVED)


@dataclass(slots=True)
class Checked:
    """How much was compared, and what was wrong.

    Attributes:
        wrong: One sentence for each number that is not the tensor's.
        compared: How many observations were compared.
        unread: Kinds of tensors that were recorded without numbers, with their count.
        unchecked: Observations for which the witness has no tensor.
        reordered: Gradients that are equal but for the order of summation.
    """

    wrong: list[str] = field(default_factory=list)
    compared: int = 0
    unread: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    unchecked: int = 0
    reordered: int = 0

    def compare(self, what: str, seen: Observation | None, wanted: Seen | None) -> None:
        """Compare one observation with the witness's tensor; both may be None."""
        if seen is None or wanted is None:
            if (seen is None) != (wanted is None):
                has = "nothing was recorded" if seen is None else "torch has none"
                self.wrong.append(f"{what}: {has}")
            return
        if not wanted.is_written:
            self.unchecked += 1
        elif not is_read(seen):
            self.unread[wanted.kind] += 1
        elif wanted.numbers is None:
            self.wrong.append(f"{what}: numbers of a {wanted.kind}")
        else:
            self.compared += 1
            difference = differs(seen, wanted.numbers)
            if difference:
                self.wrong.append(f"{what} {difference}")


def check_truth(traces: Sequence[Trace], found: Matches, told: Testimony) -> Checked:
    """Compare every observation of `traces` with what the witness kept."""
    checked = Checked()
    for number, trace in enumerate(traces):
        _check_values(number, trace, found, told, checked)
    for name, difference in find_wrong_jacobians(traces):
        checked.compared += 1
        if difference:
            checked.wrong.append(f"local derivative of {name} {difference}")
    if found.home is not None and not told.failed and told.gradients:
        _check_gradients(traces[found.home], found, told, checked)
        _check_sums(traces[found.home], found, told, checked)
    return checked


def _check_values(
    number: int, trace: Trace, found: Matches, told: Testimony, checked: Checked
) -> None:
    """Compare values with the result that they are, or with what calls were given."""
    kept = {
        place[1]: told.calls[call].made[position]
        for (call, position), place in found.results.items()
        if place[0] == number
    }
    for index, slot in enumerate(trace.graph.slots):
        seen = trace.observations[index]
        if slot.role is not Role.VALUE or slot.value is None or seen is None:
            continue
        if slot.value in kept:
            made_by = trace.graph.values[slot.value].op
            name = "value" if made_by is None else trace.graph.ops[made_by].name
            checked.compare(f"value of {name}", seen, kept[slot.value])
        else:
            _check_given(trace, slot, seen, told, checked)


def _check_given(
    trace: Trace, slot: Slot, seen: Observation, told: Testimony, checked: Checked
) -> None:
    """A value that no call made must be one that some call was given."""
    assert slot.value is not None
    value = trace.graph.values[slot.value]
    made_by = None if value.op is None else trace.graph.ops[value.op].kind
    if (
        value.kind is ValueKind.CONSTANT
        or made_by not in (None, OpKind.GAP)
        or not is_read(seen)
        or _is_given_to_functions(trace, value.id)
    ):
        checked.unchecked += 1
        return
    fitting = told.given.get((value.shape, value.dtype), [])
    if not fitting:
        checked.unchecked += 1
        return
    checked.compared += 1
    differences = [differs(seen, wanted) for wanted in fitting]
    if all(differences):
        checked.wrong.append(f"{value.kind} that no call was given: {differences[0]}")


def _is_given_to_functions(trace: Trace, value: int) -> bool:
    """Whether only functions of the user's own, which no witness sees, have it."""
    graph = trace.graph
    opened = {scope.path.rpartition(".")[2] for scope in graph.scopes}
    users = [graph.ops[op].name for op in graph.consumers.get(value, ())]
    return bool(users) and opened.issuperset(users)


def check_updates(
    traces: Sequence[Trace], history: Sequence[Any], checked: Checked
) -> None:
    """Compare the weights and gradients of every update with the copies in `history`.

    `history` is what `train_briefly` returns: all weights have different shapes, so a
    shape says which one it is.
    """
    updated = [t for t in traces if any(s.role is Role.UPDATED for s in t.graph.slots)]
    if len(updated) != len(history):
        checked.wrong.append(f"{len(updated)} updates instead of {len(history)}")
        return
    for trace, (weights, gradients) in zip(updated, history, strict=True):
        # A weight without a gradient is not updated.
        pairs = zip(weights, gradients, strict=True)
        changed = [w for w, gradient in pairs if gradient is not None]
        wanted = {Role.UPDATED: changed, Role.AFTER: gradients}
        for role, tensors in wanted.items():
            for tensor in tensors:
                if tensor is not None:
                    last = _last_of(trace, role, tuple(tensor.shape))
                    checked.compare(f"{role} of a weight", last, see(tensor))


def _last_of(trace: Trace, role: Role, shape: tuple[int, ...]) -> Observation | None:
    """Return the last observation with `role` of a parameter of `shape`."""
    found = None
    for index, slot in enumerate(trace.graph.slots):
        is_after = trace.graph.events[slot.event].kind is not EventKind.ZERO
        if slot.role is role and slot.shape == shape and is_after:
            found = trace.observations[index]
    return found


def _check_gradients(
    trace: Trace, found: Matches, told: Testimony, checked: Checked
) -> None:
    """What arrived at each node's outputs is what `torch.autograd.grad` returns."""
    received = _received(trace)
    incoming = _incoming(trace)
    for (place, output), wanted in told.gradients.items():
        recorded = found.nodes.get(place)
        if recorded is None:
            continue
        name = told.graph.nodes[place].name
        arrivals = received.get((recorded, output), [])
        if wanted is None and not any(a is not None for a in arrivals):
            continue
        if len(arrivals) != 1:
            checked.wrong.append(
                f"gradient at {name} was recorded {len(arrivals)} times"
            )
            continue
        what = f"gradient at {name}"
        before = len(checked.wrong)
        checked.compare(what, arrivals[0], wanted)
        parts = incoming.get((recorded, output), [])
        terms = len(parts) + told.graph.roots.count((place, output))
        is_wrong = len(checked.wrong) > before
        if is_wrong and terms > 2 and _is_reordered(arrivals[0], wanted, parts):
            checked.wrong.pop()
            checked.reordered += 1


def _is_reordered(
    seen: Observation | None, wanted: Seen | None, parts: Sequence[Observation]
) -> bool:
    """Whether the two differ only as two orders of summation can.

    Two terms have one order only. n terms that sum to at most s in magnitude differ by
    at most (n - 1) * eps * s.
    """
    if seen is None or seen.data is None or wanted is None:
        return False
    known = [part.data for part in parts if part.data is not None]
    if wanted.numbers is None or len(known) != len(parts):
        return False
    total = sum(np.abs(part).sum() for part in known)
    room = (len(parts) - 1) * _eps(wanted) * total
    return bool(np.all(np.abs(seen.data - wanted.numbers) <= room))


def _eps(seen: Seen) -> float:
    """Return the spacing of numbers near 1 in the dtype of `seen`."""
    if seen.dtype == "bfloat16":
        return 2.0**-7
    assert seen.numbers is not None
    return float(np.finfo(seen.numbers.dtype).eps)


def _received(trace: Trace) -> dict[tuple[int, int], list[Observation | None]]:
    """Return what was recorded to arrive at (node, output), in order of time."""
    found: defaultdict[tuple[int, int], list[Observation | None]] = defaultdict(list)
    for index, slot in enumerate(trace.graph.slots):
        if slot.role is Role.GRAD_OUTPUT and slot.grad_node is not None:
            found[slot.grad_node, slot.position].append(trace.observations[index])
        if slot.role is Role.ARRIVED and slot.value is not None:
            node = trace.graph.values[slot.value].grad_node
            if node is not None:
                found[node, 0].append(trace.observations[index])
    return found


def _incoming(trace: Trace) -> dict[tuple[int, int], list[Observation]]:
    """Return what was recorded to be sent along the edges to (node, output)."""
    found: defaultdict[tuple[int, int], list[Observation]] = defaultdict(list)
    for index, slot in enumerate(trace.graph.slots):
        seen = trace.observations[index]
        if slot.role is Role.EDGE and slot.grad_node is not None and seen is not None:
            edge = trace.graph.grad_nodes[slot.grad_node].edges[slot.position]
            if edge.target is not None:
                found[edge.target, edge.output].append(seen)
    return found


def _check_sums(
    trace: Trace, found: Matches, told: Testimony, checked: Checked
) -> None:
    """What was sent along all edges to one place adds up to what autograd has there.

    Where one edge leads, it is the gradient itself, bit for bit. Roots also receive
    what backward was called with, so they are left out.
    """
    roots = {root for root in told.graph.roots if root is not None}
    incoming = _incoming(trace)
    for arrival, wanted in told.gradients.items():
        recorded = found.nodes.get(arrival[0])
        if recorded is None or arrival in roots or wanted is None:
            continue
        parts = incoming.get((recorded, arrival[1]), [])
        name = told.graph.nodes[arrival[0]].name
        if not parts:
            checked.wrong.append(f"no edge brought the gradient at {name}")
            continue
        for problem in _compare_sum(parts, wanted):
            checked.wrong.append(f"edges to {name}: {problem}")
        checked.compared += len(parts)


def _compare_sum(parts: Sequence[Observation], wanted: Seen) -> Iterator[str]:
    known = [part.data for part in parts if part.data is not None]
    if len(known) != len(parts) or wanted.numbers is None:
        return
    if len(known) == 1:
        problem = differs(Observation(data=known[0]), wanted.numbers)
        if problem:
            yield problem
        return
    # From two parts on it is known what they add up to, but not in which order.
    if any(part.shape != wanted.numbers.shape for part in known):
        yield f"shapes {[part.shape for part in known]} for {wanted.numbers.shape}"
        return
    with np.errstate(all="ignore"):
        total = np.sum([part.astype(np.complex128) for part in known], axis=0)
        size = np.sum([np.abs(part.astype(np.complex128)) for part in known], axis=0)
        # Each of the n - 1 additions rounds once, to the dtype of the gradient.
        room = (len(known) - 1) * _eps(wanted) * size
        is_off = np.abs(total - wanted.numbers) > room
    if np.any(is_off & np.isfinite(total)):
        yield f"{int(is_off.sum())} of {total.size} sums differ"
