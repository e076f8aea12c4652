"""Why a gradient is as large as it is: what was added up in it."""

from graphscope.analysis.why.size.explain import explain_size as explain_size
from graphscope.analysis.why.size.micro_batches import (
    find_undivided_accumulation as find_undivided_accumulation,
)
from graphscope.analysis.why.size.repeated import (
    find_repeated_backwards as find_repeated_backwards,
    find_repeated_parameters as find_repeated_parameters,
)
