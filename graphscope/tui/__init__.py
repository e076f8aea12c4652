"""The terminal UI: the only part that imports textual."""
