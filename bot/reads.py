"""Which relations a piece of Snowflake SQL reads; pure, by parsing, never by searching text."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from bot.model import Relation


def relations(sql: str, database: str = "", schema: str = "") -> frozenset[Relation] | None:
    """Every table that `sql` reads, names completed from `database` and `schema`; None when it cannot be parsed.

    A CREATE statement's own name is left out, and so are the names of its WITH clauses.
    """
    try:
        parsed = sqlglot.parse_one(sql, read="snowflake")
    except SqlglotError:
        return None
    if isinstance(parsed, exp.Command):  # sqlglot's word for: passed on unread
        return None
    own = parsed.this.find(exp.Table) if isinstance(parsed, exp.Create) and parsed.this else None
    local = {_fold(cte.args["alias"].this) for cte in parsed.find_all(exp.CTE)}
    found = set()
    for table in parsed.find_all(exp.Table):
        parts = [_fold(part) for part in table.parts if isinstance(part, exp.Identifier)]
        if table is own or not parts or len(parts) > 3 or (len(parts) == 1 and parts[0] in local):
            continue
        database_, schema_, name = ([database, schema][: 3 - len(parts)] + parts)[-3:]
        found.add(Relation(database_, schema_, name))
    return frozenset(found)


def replaced(sql: str, old: Relation, new: Relation) -> str | None:
    """`sql` with every read of one table turned to another, the text untouched where there is none; None: unreadable."""
    found = relations(sql)
    if found is None or old not in found:
        return None if found is None else sql
    parsed = sqlglot.parse_one(sql, read="snowflake")
    for table in list(parsed.find_all(exp.Table)):
        if tuple(_fold(p) for p in table.parts if isinstance(p, exp.Identifier)) == (
            old.database,
            old.schema,
            old.name,
        ):
            for part, name in (("catalog", new.database), ("db", new.schema), ("this", new.name)):
                table.set(part, exp.to_identifier(name, quoted=True))
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(old.name, quoted=True)))
    return parsed.sql("snowflake")


def _fold(identifier: exp.Identifier) -> str:
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()
