"""Rows of Snowflake's catalog and SHOW commands -> our values; pure. Keys of a row are in lower case."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot import reads
from bot.model import Column, Kind, Relation, Table, Token, quote

Row = Mapping[str, Any]

# On the account. A privacy policy has none: only one on the policy itself would show it.
POLICY_RIGHTS = tuple(
    f"APPLY {kind} POLICY"
    for kind in ("MASKING", "ROW ACCESS", "AGGREGATION", "JOIN", "PROJECTION", "STORAGE LIFECYCLE")
)
HIDDEN = " (text hidden)"  # after the name of a view that may read a table or not
SUSPENDED = " (materialized)"  # after the name of one that a replacement of the table would suspend
_PAGE = 10_000  # a SHOW command's longest answer: a full page may have left something out
_TEXT = {"TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR", "VARCHAR": "VARCHAR", "BINARY": "BINARY"}
_EXACT = {"NUMBER", "DECIMAL", "NUMERIC", "INT", "INTEGER", "BIGINT"}
_TYPES = {
    "EXTERNAL TABLE": Kind.EXTERNAL,
    "VIEW": Kind.VIEW,
    "MATERIALIZED VIEW": Kind.VIEW,
    "BASE TABLE": Kind.PERMANENT,
}


def utc(value: object) -> datetime:
    """The connector's timestamp as aware UTC; sessions run in UTC, so a naive one is UTC already."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(0, UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def yes(value: object) -> bool:
    return str(value).upper() in ("YES", "Y", "TRUE", "ON")


def kind(row: Row) -> Kind:
    """What a row of INFORMATION_SCHEMA.TABLES describes."""
    for flag, special in (("is_dynamic", Kind.DYNAMIC), ("is_hybrid", Kind.HYBRID), ("is_iceberg", Kind.ICEBERG)):
        if yes(row.get(flag)):
            return special
    found = _TYPES.get(str(row.get("table_type")).upper(), Kind.OTHER)
    return Kind.TRANSIENT if found is Kind.PERMANENT and yes(row.get("is_transient")) else found


def column(row: Row) -> Column:
    base = str(row["data_type"]).upper()
    if base in _TEXT and row.get("character_maximum_length") is not None:
        base = f"{_TEXT[base]}({int(row['character_maximum_length'])})"
    elif base in _EXACT and row.get("numeric_precision") is not None:
        base = f"NUMBER({int(row['numeric_precision'])},{int(row.get('numeric_scale') or 0)})"
    elif base.startswith("TIME") and row.get("datetime_precision") is not None:
        base = f"{base}({int(row['datetime_precision'])})"
    return Column(
        name=row["column_name"],
        type=base,
        nullable=yes(row.get("is_nullable", "YES")),
        comment=row.get("comment") or "",
        default="AUTOINCREMENT" if yes(row.get("is_identity")) else row.get("column_default") or "",
    )


def table(relation: Relation, row: Row, columns: tuple[Column, ...], **seen: Any) -> Table:
    """A Table from its catalog row; `seen` are the fields that other statements tell, None where not visible."""
    return Table(
        relation=relation,
        kind=kind(row),
        owner=row.get("table_owner") or "",
        columns=columns,
        row_count=int(row.get("row_count") or 0),
        created=utc(row.get("created")),
        last_altered=utc(row.get("last_altered")),
        comment=row.get("comment") or "",
        clustering=row.get("clustering_key") or "",
        reclustering=yes(row.get("auto_clustering_on")),
        retention=None if row.get("retention_time") is None else int(row["retention_time"]),
        **seen,
    )


def upkeep(rows: Iterable[Row], relation: Relation) -> dict[str, bool]:
    """`change_tracking` and `search_optimization` of the relation; empty where it is not among the rows."""
    row = next((r for r in rows if r["name"] == relation.name), None)
    told = ("change_tracking", "search_optimization")
    return {key: row[key] == "ON" for key in told if row.get(key) is not None} if row else {}


def token(row: Row) -> Token:
    return Token(
        last_change=str(row["last_change"]),
        created=utc(row["created"]).isoformat(),
        last_ddl=utc(row["last_ddl"]).isoformat() if row.get("last_ddl") else "",
        row_count=int(row.get("row_count") or 0),
        owner=row.get("table_owner") or "",
        kind=Kind.TRANSIENT if yes(row.get("is_transient")) else Kind.PERMANENT,
    )


def grants(rows: Iterable[Row]) -> tuple[str, ...]:
    """`SELECT to ROLE BI`, sorted; ownership is the table's owner, not one of its grants."""
    return tuple(
        sorted(
            f"{row['privilege']} to {row['granted_to']} {row['grantee_name']}"
            + (" with grant option" if yes(row.get("grant_option")) else "")
            for row in rows
            if row["privilege"] != "OWNERSHIP"
        )
    )


def missing_rights(rows: Iterable[Row], role: str) -> tuple[str, ...]:
    """Of what POLICY_REFERENCES wants before it shows every policy, what `role` itself lacks.

    Without one it leaves that kind out, and says nothing of it.
    """
    held = {row["privilege"] for row in rows if row["grantee_name"] == role}
    return tuple(right for right in POLICY_RIGHTS if right not in held)


def policies(rows: Iterable[Row]) -> tuple[str, ...]:
    """`MASKING_POLICY PII on EMAIL`, sorted."""
    return tuple(
        sorted(
            f"{row['policy_kind']} {row['policy_name']}"
            + (f" on {row['ref_column_name']}" if row.get("ref_column_name") else "")
            for row in rows
        )
    )


def hides(policy: str) -> bool:
    """Whether it masks or filters what a role reads; a lifecycle only expires or archives rows."""
    return not policy.startswith("STORAGE_LIFECYCLE_POLICY ")


def tags(rows: Iterable[Row]) -> tuple[str, ...]:
    """`GOVERNANCE.TAGS.PII = high on EMAIL`, sorted and each once; only what hangs on the table or its columns."""
    found = {
        f"{row['tag_database']}.{row['tag_schema']}.{row['tag_name']} = {row['tag_value']}"
        + (f" on {row['column_name']}" if row.get("column_name") else "")
        for row in rows
        if str(row.get("level", "TABLE")).upper() in ("TABLE", "COLUMN")
    }
    return tuple(sorted(found))


def keys(primary: Iterable[Row], unique: Iterable[Row], imported: Iterable[Row]) -> tuple[str, ...]:
    """A table's keys as ALTER TABLE .. ADD takes them, without their names, which a copy may change; sorted."""
    found = [
        f"{kind} ({_columns(key, 'column_name')}){_rely(key)}"
        for kind, rows in (("PRIMARY KEY", primary), ("UNIQUE", unique))
        for key in _by(rows, "constraint_name")
    ]
    return tuple(sorted([*found, *map(_foreign_key, _by(imported, "fk_name"))]))


def references(exported: Iterable[Row]) -> tuple[str, ...]:
    """Other tables' foreign keys to this one, each after its table; sorted."""
    places = ("fk_database_name", "fk_schema_name", "fk_table_name")
    by = _by(exported, *places, "fk_name")
    return tuple(sorted(f"{Relation(*(key[0][place] for place in places))} {_foreign_key(key)}" for key in by))


def _foreign_key(key: Sequence[Row]) -> str:
    row = key[0]
    to = Relation(row["pk_database_name"], row["pk_schema_name"], row["pk_table_name"])
    columns, others = _columns(key, "fk_column_name"), _columns(key, "pk_column_name")
    return f"FOREIGN KEY ({columns}) REFERENCES {to.sql} ({others}){_rely(key)}"


def _by(rows: Iterable[Row], *names: str) -> list[list[Row]]:
    """The rows of each key together, in the order of its columns."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return [sorted(key, key=lambda row: int(row["key_sequence"])) for key in found.values()]


def _columns(key: Sequence[Row], name: str) -> str:
    return ", ".join(quote(row[name]) for row in key)


def _rely(key: Sequence[Row]) -> str:
    return " RELY" if yes(key[0].get("rely")) else ""


def metric_functions(rows: Iterable[Row]) -> tuple[str, ...]:
    """Data metric functions of the table itself, sorted; one of its schema comes back with every new table."""
    return tuple(sorted(_metric(row) for row in rows if str(row.get("level") or "TABLE").upper() == "TABLE"))


def _metric(row: Row) -> str:
    name = Relation(row["metric_database_name"], row["metric_schema_name"], row["metric_name"])
    given = row.get("ref_arguments") or "[]"
    arguments = json.loads(given) if isinstance(given, str) else given
    columns = ", ".join(quote(argument["name"]) for argument in arguments)
    return f"{name} ON ({columns})" + (f" SCHEDULE {row['schedule']}" if row.get("schedule") else "")


def streams(rows: Sequence[Row], relation: Relation) -> tuple[str, ...] | None:
    """Streams on the relation, or None when one in its database hides what it is on."""
    if len(rows) >= _PAGE:
        return None
    found = []
    for row in rows:
        sources = [s for s in (row.get("table_name"), row.get("base_tables")) if s]
        if not sources and row.get("database_name") == relation.database:
            return None
        if any(_is(relation, name) for source in sources for name in source.split(",")):
            found.append(_full_name(row))
    return tuple(sorted(found))


def dynamic_tables(
    rows: Sequence[Row], relation: Relation, through: Collection[Relation] = ()
) -> tuple[str, ...] | None:
    """Dynamic tables whose text reads the relation, or a view `through` which it is read.

    None when one hides its text: only MONITOR shows it.
    """
    if len(rows) >= _PAGE or not all(row.get("text") for row in rows):
        return None
    return tuple(sorted(_full_name(row) for row in rows if any(_reads(row, r) for r in (relation, *through))))


def readers(rows: Sequence[Row], relation: Relation) -> set[Relation]:
    """Views whose text reads the relation, and those that read such a view, as far as texts are shown."""
    found: set[Relation] = set()
    level = {relation}
    while level:
        reading = {_relation(row) for row in rows if any(_reads(row, r) for r in level)}
        level = reading - found - {relation}
        found |= level
    return found


def views(rows: Sequence[Row], materialized: Sequence[Row], relation: Relation) -> tuple[str, ...] | None:
    """Views of its database whose text reads the relation, and materialized ones of any database, marked as such.

    A secure view shows its text to its owner only, and is listed as such: it may read the relation or not.
    """
    if len(rows) >= _PAGE or len(materialized) >= _PAGE:
        return None
    if not all(row.get("source_table_name") for row in materialized):
        return None
    suspended = {_full_name(row) for row in materialized if _source(row) == relation}
    suspended |= {_full_name(row) for row in rows if yes(row.get("is_materialized")) and _reads(row, relation)}
    own = "INFORMATION_SCHEMA"  # Snowflake's, listed as any other and without a text
    plain = [row for row in rows if not yes(row.get("is_materialized")) and row.get("schema_name") != own]
    reading = [_full_name(row) for row in plain if row.get("text") and _reads(row, relation)]
    hidden = [_full_name(row) + HIDDEN for row in plain if not row.get("text")]
    return tuple(sorted([*(name + SUSPENDED for name in suspended), *reading, *hidden]))


def view_texts(rows: Sequence[Row]) -> dict[Relation, str] | None:
    """The SQL of views, "" where it is hidden; None when the list may not be whole."""
    if len(rows) >= _PAGE:
        return None
    return {_relation(row): row.get("text") or "" for row in rows}


def _source(row: Row) -> Relation:
    return Relation(row["source_database_name"], row["source_schema_name"], row["source_table_name"])


def _reads(row: Row, relation: Relation) -> bool:
    text = row.get("text") or ""
    if relation.name.upper() not in text.upper():
        return False
    found = reads.relations(text, row.get("database_name") or "", row.get("schema_name") or "")
    return True if found is None else relation in found  # what cannot be parsed but names it counts


def _is(relation: Relation, name: str) -> bool:
    try:
        return Relation.parse(name) == relation
    except ValueError:
        return False


def _full_name(row: Row) -> str:
    return str(_relation(row))


def _relation(row: Row) -> Relation:
    return Relation(row.get("database_name") or "", row.get("schema_name") or "", row["name"])
