"""Why an update does nothing or too much."""

from graphscope.analysis.why.updates.answer import explain_update as explain_update
from graphscope.analysis.why.updates.check import UpdateCheck as UpdateCheck
