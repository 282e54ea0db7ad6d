"""Measured claims: what `make chaos` and `make bench-dbt` run. Not part of the product."""
