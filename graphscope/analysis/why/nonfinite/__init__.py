"""NaN and Inf: where the first was born, of which numbers, and how it spread."""
