"""Everything suspicious in a step or a recording: all checks, asked together."""

from graphscope.analysis.findings.finder import (
    StepFinder as StepFinder,
    find_in_step as find_in_step,
)
from graphscope.analysis.findings.following import RunFollower as RunFollower
from graphscope.analysis.findings.run import (
    RunSearch as RunSearch,
    RunWatch as RunWatch,
    find_all as find_all,
    find_at as find_at,
    find_over_steps as find_over_steps,
    identity_of as identity_of,
)
