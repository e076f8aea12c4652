"""One value of a trace with everything that was seen of it: what `t["z"]` returns."""

from dataclasses import dataclass

import numpy as np

from graphscope.errors import NotRecordedError
from graphscope.model.graph import GradNode, Op, Role, Value
from graphscope.model.numbers import format_observation, format_type
from graphscope.model.observation import Array, Observation, Stats
from graphscope.model.site import Site
from graphscope.model.trace import Trace

Number = Array | np.generic


@dataclass(frozen=True, slots=True)
class ValueView:
    """A value, its numbers and its gradients.

    Arrays are NumPy arrays of the tensor's own shape; a tensor of shape `()` is a
    NumPy scalar.
    """

    trace: Trace
    record: Value

    @property
    def name(self) -> str:
        """The user's name, or the expression that computed it."""
        return self.trace.title_of(self.record.id)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.record.shape

    @property
    def dtype(self) -> str:
        """The dtype, by torch's name: `float32`."""
        return self.record.dtype

    @property
    def op(self) -> Op | None:
        """The op that computed or created it, None for a value from outside."""
        op = self.record.op
        return self.trace.graph.ops[op] if op is not None else None

    @property
    def grad_node(self) -> GradNode | None:
        """The autograd node that its gradient arrives at."""
        node = self.record.grad_node
        return self.trace.graph.grad_nodes[node] if node is not None else None

    @property
    def site(self) -> Site | None:
        """Where it was computed, or created, or first used."""
        op = self.op
        if op is not None and op.site is not None:
            return op.site
        return self.record.site

    @property
    def value(self) -> Number:
        """The numbers, of the tensor's own shape.

        Raises:
            NotRecordedError: Only statistics were kept; see `stats`.
        """
        seen = self.trace.value_of(self.record.id)
        if seen is None:
            raise self._not_kept("value", seen)
        return self._numbers("value", seen)

    @property
    def stats(self) -> Stats | None:
        """Statistics of the value, None when it could not be read."""
        seen = self.trace.value_of(self.record.id)
        return seen.stats if seen is not None else None

    @property
    def arrived(self) -> tuple[Number | None, ...]:
        """The gradient that arrived in each backward of the step, in order."""
        return tuple(
            self._numbers("gradient", seen) if seen is not None else None
            for _, seen in self.trace.arrivals(self.record.id)
        )

    @property
    def grad(self) -> Number | None:
        """The gradient, as torch's `.grad` would show it at the end of backward.

        For a leaf its `.grad` after the last accumulation of the step: None when
        none happened. For any other value the gradient that last arrived, which torch
        would only show after `retain_grad()`.

        Raises:
            NotRecordedError: Only statistics were kept; see `grad_stats`.
        """
        seen = self._gradient()
        return self._numbers("gradient", seen) if seen is not None else None

    @property
    def grad_stats(self) -> Stats | None:
        """Statistics of `grad`, None when there is none."""
        seen = self._gradient()
        return seen.stats if seen is not None else None

    @property
    def grad_before(self) -> Number | None:
        """A leaf's `.grad` before the first accumulation of the step."""
        return self._accumulated(Role.BEFORE, 0)

    @property
    def grad_after(self) -> tuple[Number | None, ...]:
        """A leaf's `.grad` after each accumulation of the step, in order."""
        return tuple(
            self._numbers("gradient", seen) if seen is not None else None
            for seen in self.trace.accumulations(self.record.id, Role.AFTER)
        )

    @property
    def updated(self) -> Number | None:
        """A leaf's numbers after the step's last update, None when it had none."""
        seen = self.trace.updated_to(self.record.id)
        return self._numbers("value", seen) if seen is not None else None

    @property
    def local(self) -> dict[str, Number]:
        """Local derivatives of this value by the inputs of its op, by their names.

        Each has this value's shape followed by the input's. Recorded for small
        tensors when a backward ran through the op.
        """
        graph = self.trace.graph
        found: dict[str, Number] = {}
        for index, slot in enumerate(graph.slots):
            is_local = slot.role is Role.LOCAL and slot.value is not None
            if not is_local or slot.grad_node != self.record.grad_node:
                continue
            seen = self.trace.seen(index)
            if seen is not None and slot.value is not None:
                name = self.trace.title_of(slot.value)
                found[name] = self._numbers("local derivative", seen)
        return found

    def _gradient(self) -> Observation | None:
        if self.record.is_leaf:
            after = self.trace.accumulations(self.record.id, Role.AFTER)
            return after[-1] if after else None
        return self.trace.gradient_of(self.record.id)

    def _accumulated(self, role: Role, index: int) -> Number | None:
        found = self.trace.accumulations(self.record.id, role)
        seen = found[index] if found else None
        return self._numbers("gradient", seen) if seen is not None else None

    def _numbers(self, what: str, seen: Observation) -> Number:
        if seen.data is None:
            raise self._not_kept(what, seen)
        if seen.data.ndim == 0:
            scalar: Number = seen.data[()]
            return scalar
        return seen.data

    def _not_kept(self, what: str, seen: Observation | None) -> NotRecordedError:
        kind = format_type(self.record.dtype, self.record.shape)
        if seen is None or seen.stats is None:
            remedy = "its kind of tensor is not read"
        else:
            remedy = "use .stats or .grad_stats, or record with a larger `whole`"
        return NotRecordedError(
            f"The {what} of {self.name!r}, {kind}, was not kept whole in step "
            f"{self.trace.step}: {remedy}."
        )

    def __repr__(self) -> str:
        """Return name, type, value and gradient on one line."""
        seen = self.trace.value_of(self.record.id)
        kind = format_type(self.record.dtype, self.record.shape)
        text = f"<{self.name}: {kind} = {format_observation(seen)}"
        gradient = self._gradient()
        if gradient is not None or self.record.requires_grad:
            text += f", grad {format_observation(gradient)}"
        return text + ">"
