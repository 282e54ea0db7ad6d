"""Measured claims: what `make bench`, `make bench-dbt` and `make chaos` run. Not part of the product."""
