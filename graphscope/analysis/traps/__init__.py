"""The known traps of a training step: what is wrong, where, and what to do.

Every trap is one small file that looks at recorded steps only. What is reported was
seen in the recording; where the numbers leave room for another reading, the trap says
nothing.
"""

from graphscope.analysis.traps.finder import (
    TrapFinder as TrapFinder,
    find_run_traps as find_run_traps,
    find_traps as find_traps,
    find_traps_at as find_traps_at,
    find_traps_of_step as find_traps_of_step,
    identity_of as identity_of,
)
