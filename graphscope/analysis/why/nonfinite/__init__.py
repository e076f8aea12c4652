"""NaN and Inf: where the first was born, of which numbers, and how it spread."""

from graphscope.analysis.why.nonfinite.explain import (
    explain_nonfinite as explain_nonfinite,
)
from graphscope.analysis.why.nonfinite.script.reproducing import (
    write_reproduction as write_reproduction,
)
