"""Measured claims: what the comparison costs, and what `make chaos` runs. Not part of the product."""
