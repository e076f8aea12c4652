"""What the message of an exception tells by itself, where nothing was recorded."""

import re
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.saving import read_versions
from graphscope.analysis.why.errors.wording import name_code
from graphscope.model.finding import Finding
from graphscope.model.site import Site

_RECORD: Final = (
    "because nothing was recorded; run it under `graphscope record` or inside of "
    "`with gs.trace():`."
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an error by its message.

    Attributes:
        pattern: How the message is recognised.
        kind: Of the finding.
        title: Of the finding.
        meaning: A sentence: what it says, behind the line that raised.
        remedy: A sentence: what to do.
        unknown: What a recording would tell: `Cannot tell` goes before it.
    """

    pattern: str
    kind: str
    title: str
    meaning: str
    remedy: str
    unknown: str


_TABLE: Final = (
    _Known(
        r"leaf Variable that requires grad is being used in an in-place operation",
        "inplace-modified",
        "A leaf that requires a gradient is changed in place",
        "Its gradient is about the numbers that it has, so autograd does not let them "
        "be overwritten.",
        "Put an update inside of `with torch.no_grad():`; in the forward pass change a "
        "`.clone()`.",
        "which tensor it is",
    ),
    _Known(
        r"backward through the graph a second time",
        "second-backward",
        "backward goes through a graph that is freed",
        "An earlier backward had freed what the graph had saved for its gradients.",
        "Detach what goes from step to step (`h = h.detach()`), or go back once from "
        "the sum of the losses.",
        "which tensor carried the old graph here, and which backward freed it",
    ),
    _Known(
        r"does not require grad and does not have a grad_fn",
        "no-graph",
        "backward starts from a tensor that nothing leads back from",
        "No tensor that it was computed from requires a gradient, or the way there is "
        "cut.",
        "Look for `detach()`, `.item()`, `.data`, `torch.no_grad()` and for "
        "`requires_grad=False` on the way to the loss.",
        "where the way is cut",
    ),
    _Known(
        r"grad can be implicitly created only for scalar outputs",
        "not-scalar",
        "backward starts from more than one number",
        "backward begins with one number, whose gradient by itself is 1; of several "
        "it does not know how much each of them counts.",
        "Make one number of it, with `.mean()` or `.sum()`, or give a vector v of its "
        "shape: `loss.backward(v)`.",
        "its shape",
    ),
)
_SHAPES: Final = re.compile(
    r"shapes? cannot be multiplied|must match the size of tensor|Sizes of tensors must"
    r"|is invalid for input of size|must have the same dtype|to have the same dtype"
    r"|expected scalar type|on the same device|expected device|expected input\["
    r"|must be the same as input size|to match target batch_size"
)


def explain_message(error: str, site: Site | None) -> Finding | None:
    """Explain an exception by its text; None when that is not known.

    Args:
        error: Type and message.
        site: The user's line that raised.
    """
    versions = read_versions(error)
    place = begin(name_code(site, "a call"))
    if versions is not None:
        shape = list(versions.shape)
        made = f", a result of {versions.maker}," if versions.maker else ""
        return Finding(
            kind="inplace-modified",
            title="A tensor is changed in place before backward needs it",
            explanation=(
                f"{place} needs a tensor of shape {shape}{made} as it was saved, in "
                f"version {versions.expected}. It is in version {versions.found}: it "
                "was changed in place since."
            ),
            remedy=(
                "Write `h = h + 1` in place of `h += 1`, change a `.clone()`, or call "
                "the optimizer's step after all backwards."
            ),
            step=0,
            site=site,
            unknown=(f"Cannot tell which line changed it {_RECORD}",),
        )
    for known in _TABLE:
        if re.search(known.pattern, error):
            return Finding(
                kind=known.kind,
                title=known.title,
                explanation=f"{place} raised. {known.meaning}",
                remedy=known.remedy,
                step=0,
                site=site,
                unknown=(f"Cannot tell {known.unknown} {_RECORD}",),
            )
    return _tell_mismatch(error, site, place) if _SHAPES.search(error) else None


def _tell_mismatch(error: str, site: Site | None, place: str) -> Finding:
    first = error.partition("\n")[0].rstrip(".")
    return Finding(
        kind="mismatch",
        title="The tensors of a call do not fit",
        explanation=f"{place} raised {first}.",
        remedy="Print the shapes and dtypes of what it was given, `x.shape, x.dtype`.",
        step=0,
        site=site,
        unknown=(
            f"Cannot tell which tensor has which shape, and where from, {_RECORD}",
        ),
    )
