"""Why torch raised: the errors of autograd and of ops, told with the user's names."""

from graphscope.analysis.why.errors.explaining import (
    RaisedCheck as RaisedCheck,
    explain_error as explain_error,
    find_raised as find_raised,
)
from graphscope.analysis.why.errors.failing import raised_op as raised_op
from graphscope.analysis.why.errors.past import Past as Past
from graphscope.analysis.why.errors.unrecorded import (
    explain_message as explain_message,
)
