"""Pausing, breakpoints, conditions, and the channel that commands come through."""
