"""The layers of a model, their output shapes and how many parameters they own.

It is the table that the lectures print with torchsummary, made from a recorded step:
one row for each call of a module that calls no other, in order; the batch axis is −1.

Source: layout and estimates of size follow torchsummary 1.5.1,
https://github.com/sksq96/pytorch-summary. It knows `weight` and `bias` only and counts
shared ones twice; here everything that a module owns counts, and once in the totals.
"""

from graphscope.analysis.summary.model import (
    ModelSummary as ModelSummary,
    SummaryRow as SummaryRow,
)
from graphscope.analysis.summary.summarize import summarize_model as summarize_model
