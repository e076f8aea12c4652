"""Pure functions that say what to draw as one: module scopes and long runs."""
