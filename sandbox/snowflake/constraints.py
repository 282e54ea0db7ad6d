"""Primary, unique and foreign keys: recorded and shown, never enforced; a foreign key goes with the table it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import Expr, exp

from .binding import parts
from .catalog import Key, Relation
from .errors import SnowflakeError, missing, unsupported
from .job import Job
from .lexer import Cursor
from .metadata import visible
from .show_account import Row
from .translate import parse

COLUMNS = "created_on database_name schema_name table_name column_name key_sequence constraint_name rely comment"
FOREIGN = (
    "created_on pk_database_name pk_schema_name pk_table_name pk_column_name fk_database_name fk_schema_name fk_table_name "
    "fk_column_name key_sequence update_rule delete_rule fk_name pk_name deferrability rely comment"
)
_KINDS = {exp.PrimaryKey: "PRIMARY KEY", exp.UniqueColumnConstraint: "UNIQUE", exp.ForeignKey: "FOREIGN KEY"}
_IN_COLUMN = {
    exp.PrimaryKeyColumnConstraint: "PRIMARY KEY",
    exp.UniqueColumnConstraint: "UNIQUE",
    exp.Reference: "FOREIGN KEY",
}


def of_table(job: Job, statement: exp.Create) -> list[Key]:
    """The keys that a CREATE TABLE declares, of its columns and of itself."""
    if not isinstance(statement.this, exp.Schema):
        return []
    found: list[Key] = []
    for item in statement.this.expressions:
        if isinstance(item, exp.ColumnDef):
            rules = [c.args.get("kind") for c in item.args.get("constraints") or []]
            found += [_key(job, "", _IN_COLUMN[type(r)], [item.this], r) for r in rules if type(r) in _IN_COLUMN]
        elif not isinstance(item, exp.Identifier):
            found += _declared(job, item)
    return found


def add(job: Job, relation: Relation) -> None:
    """ALTER TABLE t ADD [CONSTRAINT name] PRIMARY KEY | UNIQUE | FOREIGN KEY ..."""
    statement = parse(job.sql)
    for action in statement.args.get("actions") or []:
        for item in action.expressions:
            for key in _declared(job, item):
                if key.kind == "PRIMARY KEY" and any(k.kind == key.kind for k in relation.keys):
                    raise SnowflakeError("002271", "42601", "SQL compilation error:\nprimary key already exists")
                relation.keys.append(key)


def drop(cursor: Cursor, relation: Relation) -> None:
    """ALTER TABLE t DROP PRIMARY KEY | CONSTRAINT name"""
    name = "" if cursor.accept("PRIMARY", "KEY") else (cursor.expect("CONSTRAINT"), cursor.identifier())[1]
    cursor.end()
    gone = [k for k in relation.keys if (k.name == name if name else k.kind == "PRIMARY KEY")]
    if not gone:
        raise missing("Constraint", name or "PRIMARY KEY")
    relation.keys = [k for k in relation.keys if k not in gone]


def _declared(job: Job, item: Expr) -> Iterator[Key]:
    name, rules = "", [item]
    if isinstance(item, exp.Constraint):
        name, rules = _folded(item.this), item.expressions
    for rule in rules:
        if type(rule) not in _KINDS:
            raise unsupported(rule.sql("snowflake"))
        inside = rule.this if isinstance(rule, exp.UniqueColumnConstraint) else rule
        yield _key(job, name, _KINDS[type(rule)], inside.expressions, rule.args.get("reference") or rule)


def _key(job: Job, name: str, kind: str, columns: list[Expr], rule: Expr) -> Key:
    to, to_columns = None, ()
    if kind == "FOREIGN KEY":
        table = rule.this.this if isinstance(rule.this, exp.Schema) else rule.this
        full = job.full(parts(table))
        to = job.access.relation(job.session.find(full), full, "REFERENCES")
        to_columns = tuple(map(_folded, rule.this.expressions)) or _primary(to)
    rely = any(str(option).upper() == "RELY" for option in rule.args.get("options") or [])
    name = name or f"SYS_CONSTRAINT_{job.account.tick()}"
    return Key(kind=kind, name=name, columns=tuple(map(_folded, columns)), to=to, to_columns=to_columns, rely=rely)


def _primary(relation: Relation) -> tuple[str, ...]:
    return next((k.columns for k in relation.keys if k.kind == "PRIMARY KEY"), ())


def _folded(identifier: Expr) -> str:
    quoted = isinstance(identifier, exp.Identifier) and identifier.quoted
    return identifier.name if quoted else identifier.name.upper()


# SHOW


def show(job: Job, kind: str, scope: tuple[str, ...]) -> list[Row]:
    """The rows of SHOW PRIMARY | UNIQUE | IMPORTED | EXPORTED KEYS: one for each column of a key."""
    tables = visible(job, (), "TABLE")
    inside = [r for r in tables if r.name[: len(scope)] == scope]
    if kind in ("PRIMARY", "UNIQUE"):
        wanted = "PRIMARY KEY" if kind == "PRIMARY" else kind
        return [row for r in inside for k in r.keys if k.kind == wanted for row in _own(r, k)]
    pairs = [(r, k, k.to) for r in tables for k in r.keys if k.to and job.account.relations.get(k.to.name) is k.to]
    return [row for r, k, to in pairs if (r if kind == "IMPORTED" else to) in inside for row in _foreign(r, k, to)]


def _own(table: Relation, key: Key) -> Iterable[Row]:
    named: Row = dict(zip(("database_name", "schema_name", "table_name"), table.name, strict=True))
    for at, column in enumerate(key.columns, start=1):
        yield named | {
            "created_on": table.created,
            "column_name": column,
            "key_sequence": at,
            "constraint_name": key.name,
            "rely": str(key.rely).lower(),
        }


def _foreign(table: Relation, key: Key, to: Relation) -> Iterable[Row]:
    named: Row = {
        f"{side}_{part}_name": name
        for side, relation in (("pk", to), ("fk", table))
        for part, name in zip(("database", "schema", "table"), relation.name, strict=True)
    }
    for at, (column, other) in enumerate(zip(key.columns, key.to_columns, strict=True), start=1):
        yield named | {
            "created_on": table.created,
            "pk_column_name": other,
            "fk_column_name": column,
            "key_sequence": at,
            "update_rule": "NO ACTION",
            "delete_rule": "NO ACTION",
            "fk_name": key.name,
            "deferrability": "NOT DEFERRABLE",
            "rely": str(key.rely).lower(),
        }
