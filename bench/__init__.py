"""Measured claims: what the comparison costs beside reading both tables once."""
