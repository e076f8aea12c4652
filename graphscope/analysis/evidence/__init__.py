"""What findings are made of: facts of a graph, readings of its numbers, wording.

Separate from the findings, which all of them share it.
"""
