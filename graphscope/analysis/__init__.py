"""What follows from recorded steps: pure functions on traces, without torch."""
