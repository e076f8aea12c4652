"""Recordings: in memory, and in one `.gscope` file that is readable while written."""
