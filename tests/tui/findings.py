"""Findings written by hand, and applications that have searched their recording."""

from collections.abc import Sequence

from graphscope.model.finding import Finding, PathStep
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.recording_search import Searched
from tests.samples import site
from tests.tui.screens import logistic_app

SATURATED = Finding(
    kind="saturated-sigmoid",
    title="the sigmoid `a` is exactly 1",
    explanation="`a = torch.sigmoid(z)` (logistic.py:14) is 1 to the last bit, so the "
    "gradient that it sends on is 0.",
    remedy="Give the loss `z` and use `F.binary_cross_entropy_with_logits`.",
    step=2,
    site=site(14, "torch.sigmoid(z)"),
    values=(5,),
    ops=(2,),
    paths=(
        (
            PathStep("l = F.binary_cross_entropy(a, y)", site(15, "l"), value=7, op=3),
            PathStep("a = torch.sigmoid(z)", site(14, "a"), op=2, mark="× 0"),
            PathStep("w_1", site(6, "w_1"), value=1),
        ),
    ),
    unknown=("Cannot tell since when, because steps are missing.",),
)
UNUSED = Finding(
    kind="none-grad",
    title="`b` got no gradient",
    explanation="Nothing reads `b`.",
    remedy="Use it, or leave it out.",
    step=0,
    site=site(7, "b"),
    values=(3,),
)


def searched_app(findings: Sequence[Finding], steps: int = 40) -> GraphscopeApp:
    """Return the application over a recording in which all that is wrong is known."""
    app = logistic_app(steps)
    app.session.search.known = Searched(
        tuple(findings), looked=steps, steps=steps, is_done=True, is_over=True
    )
    return app
