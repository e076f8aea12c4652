"""A NaN again, as the smallest script that shows it."""
