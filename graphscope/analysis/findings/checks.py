"""The list of everything that is looked for: a new check is one line here."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.evidence.over_steps import RunCheck
from graphscope.analysis.traps.argmax import find_argmax_traps
from graphscope.analysis.traps.features import find_feature_traps
from graphscope.analysis.traps.labels import find_label_traps
from graphscope.analysis.traps.modes import ModeCheck
from graphscope.analysis.traps.nan_input import find_nan_traps
from graphscope.analysis.traps.one_sample import find_one_sample_trap
from graphscope.analysis.traps.relu import find_relu_traps
from graphscope.analysis.traps.saturation import find_saturation_traps
from graphscope.analysis.traps.shapes import find_shape_traps
from graphscope.analysis.traps.softmax import find_softmax_traps
from graphscope.analysis.traps.swapped import find_swapped_traps
from graphscope.analysis.traps.zeroing import ZeroingCheck
from graphscope.analysis.why.errors import RaisedCheck, find_raised
from graphscope.analysis.why.missing import MissingCheck
from graphscope.analysis.why.nonfinite.beginning import BeginningCheck
from graphscope.analysis.why.nonfinite.checks import find_nonfinite
from graphscope.analysis.why.retained import KeptCheck
from graphscope.analysis.why.size import (
    find_repeated_backwards,
    find_repeated_parameters,
    find_undivided_accumulation,
)
from graphscope.analysis.why.updates import UpdateCheck
from graphscope.analysis.why.vanishing import (
    FlowCheck,
    ZeroCheck,
    find_blocked_gradients,
)

STEP_CHECKS: Final[Sequence[Callable[[Facts], Iterator[Check]]]] = (
    find_label_traps,
    find_nan_traps,
    find_softmax_traps,
    find_swapped_traps,
    find_shape_traps,
    find_saturation_traps,
    find_relu_traps,
    find_argmax_traps,
    find_feature_traps,
    find_one_sample_trap,
    find_nonfinite,
    find_raised,
    find_blocked_gradients,
    find_repeated_backwards,
    find_repeated_parameters,
    find_undivided_accumulation,
)
"""What shows in one step looked at alone.

Each is asked once for a graph and yields a check for every suspicious place in it; the
check is asked in every step that has the graph, and judges by the numbers.
"""

RUN_CHECKS: Final[Sequence[Callable[[], RunCheck]]] = (
    ZeroingCheck,
    ModeCheck,
    RaisedCheck,
    MissingCheck,
    ZeroCheck,
    FlowCheck,
    BeginningCheck,
    KeptCheck,
    UpdateCheck,
)
"""What shows from step to step."""

LASTING: Final = frozenset({"dead-relu", "zero-feature", "zero-grad"})
"""Kinds that may be chance in one step and are a fault when they never end."""
