"""Measured claims: what `make chaos` runs. Not part of the product."""
