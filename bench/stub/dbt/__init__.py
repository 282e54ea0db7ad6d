"""Stands in dbt's place while chaos is played, so that a build costs a second; real SQL on the real sandbox."""
