"""A chain rule as the user reads it: what `t.chain_rule("w_1", "l")` returns."""

from dataclasses import dataclass

from graphscope.analysis.chain import ChainRule, Check, Path, find_chain_rule
from graphscope.errors import NotRecordedError
from graphscope.model.observation import Array
from graphscope.model.trace import Trace
from graphscope.render.text.chain import chain_lines


@dataclass(frozen=True, slots=True)
class ChainRuleView:
    """The gradient of one value by another, taken apart; `print` writes it."""

    trace: Trace
    rule: ChainRule

    @property
    def value(self) -> Array | None:
        """The sum over all paths, of the leaf's shape; None where only norms are known.

        It is multiplied in float64.
        """
        return self.rule.total

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths with their factors: all, or of more than 50 the ten strongest."""
        return self.rule.paths

    @property
    def count(self) -> int:
        """How many paths there are."""
        return self.rule.count

    @property
    def autograd(self) -> Check:
        """The gradient as autograd computed it, and how far it is from `value`."""
        return self.rule.autograd

    @property
    def finite_difference(self) -> Check:
        """The same from the recorded forward alone, or why there is none."""
        return self.rule.finite_difference

    def __str__(self) -> str:
        """Return the factors, the products and the checks as text."""
        return "\n".join(chain_lines(self.trace, self.rule))


def view_chain_rule(trace: Trace, leaf: str, root: str | None) -> ChainRuleView:
    """Explain the derivative of `root` by `leaf`, both by the user's names.

    Args:
        trace: The step.
        leaf: What it is the derivative by.
        root: What it is the derivative of; None for what backward started from last.

    Raises:
        UnknownNameError: A name is not in the step.
        NotRecordedError: No gradient flowed between the two.
    """
    below = trace.resolve(leaf).id
    above = _started_from(trace) if root is None else trace.resolve(root).id
    return ChainRuleView(trace, find_chain_rule(trace, below, above))


def _started_from(trace: Trace) -> int:
    if not trace.graph.roots:
        raise NotRecordedError(
            f"No backward ran in step {trace.step}, so there is no derivative to take "
            "apart. Call backward() on the loss, or choose another step."
        )
    return trace.graph.roots[-1]
