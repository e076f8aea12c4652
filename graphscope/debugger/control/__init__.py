"""The channel between a debugged process and the debuggers that are attached to it.

Commands and positions only: no message carries code, or names a file to write.
"""
