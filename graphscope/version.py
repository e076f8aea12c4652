"""The version, in the one place that packaging, recordings and the CLI read."""

__version__ = "0.1.0"
