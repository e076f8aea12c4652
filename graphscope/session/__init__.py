"""The one place that composes capture, storage, debugger and pictures.

Nothing is imported here: a script that runs under graphscope must not find numpy
imported already, and torch is imported when a trace or a recording starts, never by
loading or drawing one.
"""
