"""The lectures' examples: what they are, how they run, what they should give."""
