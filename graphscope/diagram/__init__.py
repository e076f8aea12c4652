"""What to draw: a trace becomes boxes and arrows, then gets coordinates."""
