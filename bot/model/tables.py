"""Relations and tables as the warehouse describes them. Identifiers are exact: already folded by Snowflake's rule."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from bot.model.states import Kind

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')


def quote(identifier: str) -> str:
    """The one place where an identifier becomes SQL: always quoted, compared exactly."""
    return '"' + identifier.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table's exact three-part name, after folding unquoted parts to upper case."""

    database: str
    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `db.schema.name` by Snowflake's rule: quoted parts are kept, others folded to upper case.

        Raises ValueError when there are not exactly three parts.
        """
        parts = [m[1].replace('""', '"') if m[1] is not None else m[2].upper() for m in _PART.finditer(text.strip())]
        if len(parts) != 3:
            raise ValueError(f"not a three-part name: {text!r}")
        return cls(*parts)

    @property
    def sql(self) -> str:
        return ".".join(map(quote, (self.database, self.schema, self.name)))

    def renamed(self, name: str) -> Relation:
        return Relation(self.database, self.schema, name)

    def __str__(self) -> str:
        return ".".join(p if _PLAIN.match(p) else quote(p) for p in (self.database, self.schema, self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str  # as INFORMATION_SCHEMA writes it, with length or precision: NUMBER(38,2), VARCHAR(16777216)
    nullable: bool = True
    comment: str = ""
    default: str = ""  # what an INSERT that leaves it out stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the warehouse describes it; `None` in a list field means: not visible with our rights."""

    relation: Relation
    kind: Kind
    owner: str
    columns: tuple[Column, ...]
    row_count: int
    created: datetime
    last_altered: datetime
    comment: str = ""
    clustering: str = ""
    reclustering: bool = False
    retention: int | None = None  # days of Time Travel
    change_tracking: bool | None = None  # Snowflake records changes, for a stream, a dynamic table or by setting
    search_optimization: bool | None = None
    grants: tuple[str, ...] | None = None  # "SELECT to ROLE BI", sorted
    container_grants: tuple[str, ...] | None = (
        None  # "OWNERSHIP on SCHEMA SHOP.PROD to ROLE X": may change the table too
    )
    policies: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None
    dynamic_tables: tuple[str, ...] | None = None
    views: tuple[str, ...] | None = None  # views that read it, database.schema.name
    keys: tuple[str, ...] | None = None  # 'PRIMARY KEY ("DATE")', sorted, as ALTER TABLE .. ADD takes them
    referenced_by: tuple[str, ...] | None = None  # 'SHOP.PROD.LINES FOREIGN KEY ("ID") REFERENCES ...' of other tables
    metric_functions: tuple[str, ...] | None = None  # 'DQ.PUBLIC.NULLS ON ("ID") SCHEDULE 5 MINUTE'


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Right:
    """One privilege that lets a role change a table; `on` is `TABLE A.B.C`, or what contains the table."""

    privilege: str
    on: str
    role: str

    def __str__(self) -> str:
        return f"{self.privilege} on {self.on} to ROLE {self.role}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """What masks or filters the rows that a model reads; `unseen` are relations of which that is not visible."""

    policies: tuple[str, ...] = ()  # "ROW_ACCESS_POLICY REGION of RAW.DUNE.DEX_VOLUMES", sorted
    unseen: tuple[str, ...] = ()
    filtered: tuple[str, ...] = ()  # "RAW.DUNE.DEX_VOLUMES (12 of 20 rows)": what the builder sees of what there is
    hidden: str = ""  # "12 of 20" rows of production itself; empty: it sees them all
    reached: tuple[Relation, ...] = field(
        default=(), compare=False
    )  # all that was looked at: parents, and what is below views


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Cheap change marker of a table, read without a scan; only compared for equality (snowflake: LAST_ALTERED is noise)."""

    last_change: str
    created: str
    last_ddl: str
    row_count: int
    owner: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a table holds: exact row count and HASH_AGG over its columns by name."""

    rows: int
    hash: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A frozen copy or the watched original: `relation`'s token and content at `taken_at`."""

    relation: Relation
    kind: Kind
    token: Token
    content: Content
    taken_at: datetime
    prod_token: Token | None = None  # baseline only: prod's token around the clone
