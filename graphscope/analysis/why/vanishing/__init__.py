"""Why a gradient is 0, vanishes on its way back, or explodes."""

from graphscope.analysis.why.vanishing.blocked import (
    find_blocked_gradients as find_blocked_gradients,
)
from graphscope.analysis.why.vanishing.growing import FlowCheck as FlowCheck
from graphscope.analysis.why.vanishing.lasting import ZeroCheck as ZeroCheck
from graphscope.analysis.why.vanishing.layers import explain_flow as explain_flow
from graphscope.analysis.why.vanishing.zero import explain_zero as explain_zero
