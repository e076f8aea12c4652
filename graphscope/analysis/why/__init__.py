"""Why a gradient is what it is: missing, zero, NaN, huge or twice what was expected.

One folder for each question. Each has checks, which find it in a recording, and most a
function `explain_…`, which answers for one value also where nothing is wrong.
"""
