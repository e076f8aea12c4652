"""A call that raised because shapes, dtypes or devices of its tensors do not fit.

One file for each family of calls. Each has the shapes by the user's names; which axis
does not fit is worked out from them, and not read from torch's message.
"""

from graphscope.analysis.why.errors.mismatch.explaining import (
    explain_mismatch as explain_mismatch,
)
