"""Why a gradient is None: the reason tree, the ways to the loss, where they are cut."""

from graphscope.analysis.why.missing.check import MissingCheck as MissingCheck
from graphscope.analysis.why.missing.explain import explain_missing as explain_missing
from graphscope.analysis.why.missing.summary import (
    summarize_missing as summarize_missing,
)
