"""Why torch raised: the errors of autograd and of ops, told with the user's names."""

from graphscope.analysis.why.errors.explaining import (
    RaisedCheck as RaisedCheck,
    explain_error as explain_error,
    find_raised as find_raised,
)
