"""The terminal UI over training that runs: what is seen is read from its recording."""
