"""The graph lives too long: who holds graphs of earlier steps, and what that costs."""

from graphscope.analysis.why.retained.check import KeptCheck as KeptCheck
