"""The chain rule with numbers: the paths of a gradient, factor by factor."""

from graphscope.analysis.chain.model import (
    ChainRule as ChainRule,
    Check as Check,
    Factor as Factor,
    Path as Path,
)
from graphscope.analysis.chain.rule import find_chain_rule as find_chain_rule
