"""Why backward could not begin: what it was called on has no history."""

from graphscope.analysis.why.no_graph.explain import (
    explain_no_graph as explain_no_graph,
)
