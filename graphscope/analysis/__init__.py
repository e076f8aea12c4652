"""What can be concluded from recorded steps: pure functions on traces, without torch."""
