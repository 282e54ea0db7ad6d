"""Slack listeners, one file per surface: they parse, call the desk and acknowledge; no SQL, no dbt, no sentences."""

from handlers.app import build_app, register

__all__ = ["build_app", "register"]
