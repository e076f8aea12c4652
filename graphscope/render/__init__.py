"""Diagram to picture: DOT, SVG, PNG, PDF, and the formats that are text."""
