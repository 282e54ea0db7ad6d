"""What dbt would run for one refresh, as a value: compiled by the child, judged by `planning`; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.index import Version
from bot.model import Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A dbt analysis as compiled: a spot check's query."""

    sql: str
    reads: tuple[Relation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One model as dbt would build it now, with the vars that were given.

    `reads` is every relation in the SQL apart from the model itself. `hooks` are rendered, the model's own first,
    then the on-run-start and on-run-end of project and packages; one that cannot be rendered before it runs is as
    written. Column lists are as written in the configuration.
    """

    sql: str
    relation: Relation  # in dev, as dbt says
    place: tuple[str, str] = ("", "")  # database and schema of a name without them
    reads: tuple[Relation, ...]
    hooks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()  # names of the tests that run with it
    materialized: str = ""
    unique_key: tuple[str, ...] = ()
    update_columns: tuple[str, ...] | None = None  # merge_update_columns; None or empty: all columns
    exclude_columns: tuple[str, ...] | None = None  # merge_exclude_columns
    transient: bool | None = None
    warehouse: str = ""  # snowflake_warehouse after an override; empty: the builder's own
    analyses: dict[str, Analysis] = field(default_factory=dict)
    version: Version = Version()  # noqa: RUF009 - a tuple
