"""What a piece of Snowflake SQL writes, and whether that is in dev; pure, by parsing. What cannot be read counts as writing."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import Expr, exp
from sqlglot.errors import SqlglotError

from bot.model import Relation

# Their only effect is on their own session, or none.
_HARMLESS = (exp.Describe, exp.Show, exp.Set, exp.Transaction, exp.Commit, exp.Rollback, exp.ListStage, exp.Semicolon)
_INTO = (exp.Insert, exp.Merge, exp.Update, exp.Delete, exp.Comment, exp.Undrop)  # they write what stands first in them
_MADE = frozenset({"TABLE", "VIEW", "SCHEMA", "FUNCTION", "PROCEDURE", "SEQUENCE", "STAGE", "FILE FORMAT"})
_QUIET_SYSTEM = re.compile(r"SYSTEM\$(?:LAST_CHANGE_COMMIT_TIME|TYPEOF|CLUSTERING_\w+|WAIT|GET_\w+)\Z")
_PART = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_GRANTED_IN = re.compile(rf"\bIN\s+SCHEMA\s+({_PART}\s*\.\s*{_PART})\s+(?:TO|FROM)\b", re.IGNORECASE)
_JINJA = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class Targets:
    """What is written; `known` is False where some of it cannot be told. A schema is a Relation without a name."""

    written: frozenset[Relation] = frozenset()
    known: bool = True

    @property
    def none(self) -> bool:
        return self.known and not self.written


@dataclass(frozen=True, slots=True, kw_only=True)
class Dev:
    """Where a build may write: the schema of the model's dev relation, and others of its database without production."""

    relation: Relation
    production: Collection[tuple[str, str]]  # database and schema of each table of production or source

    def has(self, target: Relation) -> bool:
        place = (target.database, target.schema)
        if not target.schema or target.database != self.relation.database:
            return False
        if place not in self.production:
            return True
        ours = place == (self.relation.database, self.relation.schema)
        return ours and target.name.startswith(self.relation.name)  # the model's own, and what dbt makes for it

    def outside(self, found: Targets) -> list[str]:
        """What it writes elsewhere, as far as that is known; sorted."""
        return sorted(
            str(target) if target.name else _place(target) for target in found.written if not self.has(target)
        )


def targets(sql: str, database: str, schema: str) -> Targets:
    """What `sql` writes, with names completed from the session's `database` and `schema`."""
    if any(mark in sql for mark in _JINJA):  # it was not rendered
        return Targets(known=False)
    try:
        statements = _parsed(sql)
    except (SqlglotError, RecursionError):
        return Targets(known=False)
    written: set[Relation] = set()
    for statement in statements:
        tables = None if statement is None else _written(statement)
        names = [_completed(table, database, schema) for table in tables or ()]
        if tables is None or None in names:
            return Targets(frozenset(written), known=False)
        written |= {name for name in names if name is not None}
    return Targets(frozenset(written))


def _parsed(sql: str) -> list[Expr]:
    logger, before = logging.getLogger("sqlglot"), logging.getLogger("sqlglot").level
    logger.setLevel(logging.ERROR)  # it warns of each statement that it passes on unread, with the text
    try:
        return [statement for statement in sqlglot.parse(sql, read="snowflake") if statement is not None]
    finally:
        logger.setLevel(before)


def _written(statement: Expr) -> list[Expr | None] | None:
    """The tables or schemas that one statement writes; None where that cannot be told."""
    if any(_acts(function) for function in statement.find_all(exp.Anonymous)):
        return None
    match statement:
        case exp.Query():
            return None if statement.find(exp.Into) else []
        case _ if isinstance(statement, _HARMLESS):
            return []
        case _ if isinstance(statement, _INTO):
            return [_target(statement.this)]
        case exp.Create() if str(statement.kind).upper() in _MADE:
            return [_target(statement.this)]
        case exp.Drop() if str(statement.args.get("kind")).upper() in _MADE:
            return list(statement.find_all(exp.Table)) or None
        case exp.Alter():
            return _altered(statement)
        case exp.Grant() | exp.Revoke():
            return _securable(statement)
        case exp.MultitableInserts() | exp.TruncateTable():
            return list(_in_expressions(statement))
        case exp.Copy() | exp.Use() | exp.Command():
            return _others(statement)
        case _:
            return None


def _acts(function: exp.Anonymous) -> bool:
    """Snowflake's own functions that change something, as SYSTEM$CANCEL_QUERY does, or may."""
    name = function.name.upper()
    return name.startswith("SYSTEM$") and not _QUIET_SYSTEM.match(name)


def _altered(statement: exp.Alter) -> list[Expr | None] | None:
    kind = str(statement.args.get("kind")).upper()
    if kind == "SESSION":
        return []
    return list(statement.find_all(exp.Table)) if kind in _MADE else None  # of SWAP WITH and RENAME TO both


def _securable(statement: Expr) -> list[Expr | None] | None:
    kind = str(statement.args.get("kind") or "TABLE").upper()
    return list(statement.find_all(exp.Table)) or None if kind in _MADE else None


def _in_expressions(statement: Expr) -> Iterator[Expr | None]:
    for part in statement.expressions:
        inner = part.this if isinstance(part, exp.ConditionalInsert) else part
        yield _target(inner.this if isinstance(inner, exp.Insert) else inner)


def _others(statement: Expr) -> list[Expr | None] | None:
    if isinstance(statement, exp.Copy):
        return [_target(statement.this)]
    word = str(statement.this).upper()
    if isinstance(statement, exp.Use):  # another role or schema changes what the statements after it do
        return [] if str(statement.args.get("kind")).upper() == "WAREHOUSE" else None
    if word in ("EXPLAIN", "SHOW", "DESCRIBE", "DESC"):
        return []
    text = str(statement.expression)
    if word in ("GRANT", "REVOKE") and (found := _GRANTED_IN.search(text)):
        return [exp.to_table(found[1], dialect="snowflake")]
    return None


def _target(this: object) -> Expr | None:
    if isinstance(this, (exp.Schema, exp.UserDefinedFunction)):
        this = this.this
    return this if isinstance(this, exp.Table) else None


def _completed(table: Expr | None, database: str, schema: str) -> Relation | None:
    """The exact name; None for what is no plain name: IDENTIFIER(..), a variable, a stage."""
    if not isinstance(table, exp.Table) or not all(isinstance(part, exp.Identifier) for part in table.parts):
        return None
    parts = [part.name if part.args.get("quoted") else part.name.upper() for part in table.parts]
    owner = table.parent
    is_schema = str(owner.args.get("kind") if owner is not None else "").upper() == "SCHEMA"
    if is_schema or owner is None:
        parts = ([database] if len(parts) == 1 else []) + parts
        return Relation(parts[0], parts[1], "") if len(parts) == 2 else None
    parts = [database, schema][: max(0, 3 - len(parts))] + parts
    return Relation(parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def _place(target: Relation) -> str:
    return f"schema {target.database}.{target.schema}"
