"""The model index: what the bot knows of a dbt project without running dbt; pure, made by `dbt_project.py`.

It is kept in the database as JSON, so that a `web` process needs no project on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from bot.model import Exposure, Relation

REFRESHABLE = frozenset({"table", "incremental"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model. `dev` and `prod` come from dbt itself; `prod` is None for an ephemeral or a disabled model."""

    unique_id: str
    name: str
    package: str
    materialized: str
    language: str = "sql"
    enabled: bool = True
    path: str = ""
    prod: Relation | None = None
    dev: Relation | None = None
    unique_key: tuple[str, ...] = ()
    full_refresh: bool | None = None  # the config's value; None: not set
    full_refresh_var: str = ""  # the var's name where the config is written as a var
    transient: bool | None = None
    reads_date: bool = False  # var('backfill_date') in the model or a macro it uses
    reads_columns: bool = False  # var('backfill_columns') likewise
    exclude_columns: tuple[str, ...] = ()  # merge_exclude_columns of an ordinary run
    warehouse: str = ""  # snowflake_warehouse of its config
    hooks: tuple[str, ...] = ()  # raw SQL of pre and post hooks
    meta: dict[str, Any] = None  # type: ignore[assignment]  # config.meta.refresh
    grain_claims: tuple[tuple[str, tuple[str, ...]], ...] = ()  # (source, columns), best first
    date_claims: tuple[tuple[str, str], ...] = ()  # (source, column)
    parents: tuple[str, ...] = ()  # unique ids of models, sources, seeds, snapshots
    by_name: tuple[str, ...] = ()  # further models it reads, by literal name or as a source: dbt does not know of them
    children: tuple[str, ...] = ()  # unique ids of models only; those that read it by name come last
    tests: tuple[str, ...] = ()
    owner: str = ""
    tags: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # those that its YAML names; what is really there, the warehouse tells
    mentions_target: bool = False  # `target.` in its code or a macro it uses
    checksum: str = ""
    prod_checksum: str = ""  # of the same node in the production manifest; "" where not known

    def __post_init__(self) -> None:
        if self.meta is None:
            object.__setattr__(self, "meta", {})

    @property
    def refreshable(self) -> bool:
        return self.enabled and self.prod is not None and self.materialized in REFRESHABLE


class Version(NamedTuple):
    """Which code something was made from."""

    commit: str = ""  # short; empty outside of git
    dirty: bool = False  # files differ from the commit
    fingerprint: str = ""  # of the index that was made of the same; empty: not known to be any


@dataclass(frozen=True, kw_only=True)
class Index:
    code: str  # commit, short
    dirty: bool
    made_at: datetime
    project: str
    entries: tuple[Entry, ...]
    exposures: tuple[Exposure, ...]
    sources: dict[str, Relation]  # unique id -> relation
    analyses: dict[str, str]  # name -> raw SQL
    fingerprint: str = ""  # of the code and the production manifest it was made of
    warnings: int = 0  # of dbt while it read the project, deprecations for the most part

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        return {e.unique_id: e for e in self.entries}

    @cached_property
    def typeahead(self) -> tuple[tuple[str, str, str, Entry], ...]:
        """Name, production name, what else it is known by, and entry of every refreshable model in lower case; short names first."""
        found = (
            (e.name.lower(), str(e.prod).lower(), " ".join((*e.tags, e.owner, *e.columns)).lower(), e)
            for e in self.entries
            if e.refreshable
        )
        return tuple(sorted(found, key=lambda f: (len(f[0]), f[0], f[3].unique_id)))

    @cached_property
    def relations(self) -> dict[Relation, str]:
        """Every production relation that dbt knows: models, seeds and snapshots by prod name, and sources."""
        return {e.prod: e.unique_id for e in self.entries if e.prod} | {r: u for u, r in self.sources.items()}
