"""Measured claims: what the documentation says of speed and size can be run again."""
