"""Stands in dbt's place: what `bot.dbt_runtime` and `bot.dbt_hooks` change of it."""
