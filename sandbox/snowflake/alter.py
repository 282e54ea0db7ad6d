"""ALTER, RENAME, DROP, TRUNCATE and COMMENT on tables, views, schemas and databases: all need ownership."""

from __future__ import annotations

from sqlglot import exp

from . import constraints, metrics, wire
from .catalog import Relation, Securable, dotted, quoted
from .errors import SnowflakeError, exists, insufficient, missing, unsupported
from .job import Job
from .lexer import Cursor
from .tables import clustering, definition, folded, varchar_length
from .translate import parse, to_duckdb
from .wire import Result


def alter_relation(job: Job, cursor: Cursor, kind: str) -> Result:
    """ALTER TABLE | VIEW [IF EXISTS] name ..."""
    if_exists = cursor.accept("IF", "EXISTS")
    parts = cursor.name()
    name = job.full(parts)
    relation = job.session.find(name)
    if relation is None and if_exists:
        return wire.status()
    relation = job.access.relation(relation, name, own=True)
    _same_kind(relation, kind)
    job.end_transaction(commit=True)
    with job.locking(name):
        if cursor.accept("RENAME", "TO"):
            return _rename(job, cursor, relation)
        if cursor.accept("SET"):
            _set(cursor, relation)
        elif cursor.accept("UNSET", "COMMENT"):
            relation.comment = ""
        elif cursor.accept("RESUME", "RECLUSTER") or cursor.accept("SUSPEND", "RECLUSTER"):
            _recluster(job, relation)
        elif cursor.accept("DROP", "CLUSTERING", "KEY"):
            relation.clustering, relation.reclustering = "", False
        elif cursor.accept("CLUSTER", "BY"):
            action = _actions(job)[0]
            relation.clustering, relation.reclustering = clustering(action), True
        elif verb := cursor.one_of("ADD DATA METRIC FUNCTION", "DROP DATA METRIC FUNCTION"):
            metrics.alter(cursor, relation, give=verb.startswith("ADD"))
        elif cursor.peek() == "ADD" and cursor.peek(1) in ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN"):
            constraints.add(job, relation)
        elif cursor.peek() == "DROP" and cursor.peek(1) in ("CONSTRAINT", "PRIMARY"):
            cursor.take()
            constraints.drop(cursor, relation)
        elif cursor.one_of("ALTER", "MODIFY"):
            _alter_columns(job, cursor, relation)
        else:
            _columns(job, relation)
        job.account.touch(relation, ddl=True)
    return wire.status()


def _same_kind(relation: Relation, kind: str) -> None:
    if relation.kind != kind:
        raise SnowflakeError(
            "001003", "42601", f"SQL compilation error:\nObject found is of type '{relation.kind}' not specified type '{kind}'."
        )  # fmt: skip


def _rename(job: Job, cursor: Cursor, relation: Relation) -> Result:
    """Grants, owner and creation time stay with the object; the destination's schema must allow CREATE."""
    to = job.full(cursor.name())
    cursor.end()
    if relation.session is not None:
        raise unsupported("RENAME of a temporary object")
    job.access.create_in(to[0], to[1], relation.kind)
    if to in job.account.relations:
        raise exists(dotted(to))
    with job.locking(relation.name, to):
        job.atomically(_move(job, relation, to))
        if to[0] != relation.name[0] and relation.kind == "TABLE":
            job.execute(f"drop table {quoted(relation.physical)}")
        del job.account.relations[relation.name]
        relation.name = relation.physical = to
        job.account.touch(relation, ddl=True)
        job.account.relations[to] = relation
    return wire.status()


def _move(job: Job, relation: Relation, to: tuple[str, str, str]) -> list[str]:
    old = quoted(relation.physical)
    if relation.kind == "VIEW":
        return [f"drop view {old}", f"create view {quoted(to)} {relation.body}"]
    if to[:2] == relation.name[:2]:
        return [f"alter table {old} rename to {quoted(to[2:])}"]
    copy = job.store.copy(relation.physical, to, replace=False)
    return copy if to[0] != relation.name[0] else [*copy, f"drop table {old}"]


def _set(cursor: Cursor, relation: Relation) -> None:
    if cursor.peek(1) != "=":
        raise unsupported(f"ALTER {relation.kind} .. SET {cursor.rest}")
    for key, value in cursor.options().items():
        if key == "COMMENT":
            relation.comment = value
        elif key == "DATA_RETENTION_TIME_IN_DAYS":
            relation.retention = int(value)
        elif key == "DATA_METRIC_SCHEDULE":
            relation.metric_schedule = value
        elif key == "CHANGE_TRACKING":
            relation.tracked = value.upper() == "TRUE"
        else:
            raise unsupported(f"ALTER {relation.kind} .. SET {key}")
    cursor.end()


def _recluster(job: Job, relation: Relation) -> None:
    if not relation.clustering:
        raise SnowflakeError(
            "002141", "42601", f"SQL compilation error:\nInvalid clustering operation: table '{relation.name[2]}' has no clustering key."
        )  # fmt: skip
    relation.reclustering = "RESUME" in job.sql.upper().split()


def _actions(job: Job) -> list[exp.Expr]:
    statement = parse(job.sql)
    actions = statement.args.get("actions") if isinstance(statement, exp.Alter) else None
    if not actions:
        raise unsupported(job.sql[:200])
    return actions


def _columns(job: Job, relation: Relation) -> None:
    """ADD, DROP, RENAME COLUMN"""
    table = f"alter table {quoted(relation.physical)}"
    statements: list[str] = []
    for action in _actions(job):
        if isinstance(action, exp.ColumnDef):
            there = "if not exists " if action.args.get("exists") else ""
            column = definition(action, relation.lengths, relation.column_comments)
            statements.append(f"{table} add column {there}{column}")
        elif isinstance(action, exp.Drop):
            there = "if exists " if action.args.get("exists") else ""
            statements += [f"{table} drop column {there}{quoted((folded(c.this),))}" for c in action.args["tables"]]
        elif isinstance(action, exp.RenameColumn):
            old, new = folded(action.this.this), folded(action.args["to"].this)
            statements.append(f"{table} rename column {quoted((old,))} to {quoted((new,))}")
            if old in relation.lengths:
                relation.lengths[new] = relation.lengths.pop(old)
        else:
            raise unsupported(job.sql[:200])
    job.atomically(statements)


def _alter_columns(job: Job, cursor: Cursor, relation: Relation) -> None:
    """ALTER [COLUMN] a COMMENT 'x' | [SET DATA] TYPE t | SET | DROP NOT NULL, [COLUMN] b ..."""
    statements: list[str] = []
    while True:
        cursor.accept("COLUMN")
        column = cursor.identifier()
        target = f"alter table {quoted(relation.physical)} alter column {quoted((column,))}"
        if cursor.accept("COMMENT"):
            relation.column_comments[column] = cursor.value()
        elif cursor.accept("SET", "DATA", "TYPE") or cursor.accept("TYPE"):
            kind = _type(cursor)
            relation.lengths.pop(column, None)
            if length := varchar_length(kind):
                relation.lengths[column] = length
            statements.append(f"{target} set data type {to_duckdb(kind)}")
        elif cursor.accept("SET", "NOT", "NULL") or cursor.accept("DROP", "NOT", "NULL"):
            verb = "set" if cursor.tokens[cursor.at - 3].word == "SET" else "drop"
            statements.append(f"{target} {verb} not null")
        else:
            raise unsupported(f"ALTER COLUMN {column} {cursor.rest}")
        if not cursor.accept(","):
            break
    cursor.end()
    job.atomically(statements)


def _type(cursor: Cursor) -> exp.DataType:
    text, depth = "", 0
    while not cursor.done and (depth or cursor.peek() != ","):
        text += " " + cursor.take().text
        depth = text.count("(") - text.count(")")
    return exp.DataType.build(text, dialect="snowflake")


# DROP, TRUNCATE, COMMENT ---------------------------------------------------------------------------------------------


def drop_relation(job: Job, cursor: Cursor, kind: str) -> Result:
    if_exists = cursor.accept("IF", "EXISTS")
    parts = cursor.name()
    cursor.one_of("CASCADE", "RESTRICT")
    cursor.end()
    name = job.full(parts)
    relation = job.session.find(name)
    hidden = relation is None or (relation.session is None and not job.access.shows(relation))
    if hidden and if_exists:
        return wire.status(f"Drop statement executed successfully ({name[2]} already dropped).")
    relation = job.access.relation(relation, name, own=True)
    _same_kind(relation, kind)
    job.end_transaction(commit=True)
    with job.locking(name):
        job.execute(f"drop {kind.lower()} {quoted(relation.physical)}")
        pool = job.account.relations if relation.session is None else job.session.temporary
        del pool[relation.name]
    return wire.status(f"{name[2]} successfully dropped.")


def drop_schema(job: Job, cursor: Cursor) -> Result:
    if_exists = cursor.accept("IF", "EXISTS")
    scope = job.scope(cursor.name())
    schema = job.account.schemas.get(scope)
    if if_exists and (schema is None or not job.access.sees(scope)):
        return wire.status(f"Drop statement executed successfully ({scope[1]} already dropped).")
    if not job.access.owns(job.access.schema(*scope)):
        raise insufficient("SCHEMA", scope[1])
    job.end_transaction(commit=True)
    job.store.drop_schema(*scope)
    del job.account.schemas[scope]
    job.account.relations = {n: r for n, r in list(job.account.relations.items()) if n[:2] != scope}
    return wire.status(f"{scope[1]} successfully dropped.")


def drop_database(job: Job, cursor: Cursor) -> Result:
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.identifier()
    if name not in job.account.databases and if_exists:
        return wire.status(f"Drop statement executed successfully ({name} already dropped).")
    if not job.access.owns(job.access.database(name)):
        raise insufficient("DATABASE", name)
    job.end_transaction(commit=True)
    for schema in [s for s in job.account.schemas if s[0] == name]:
        job.store.drop_schema(*schema)
        del job.account.schemas[schema]
    job.store.detach(name)
    job.account.relations = {n: r for n, r in list(job.account.relations.items()) if n[0] != name}
    del job.account.databases[name]
    return wire.status(f"{name} successfully dropped.")


def truncate(job: Job, cursor: Cursor) -> Result:
    cursor.accept("TABLE")
    if_exists = cursor.accept("IF", "EXISTS")
    name = job.full(cursor.name())
    relation = job.session.find(name)
    if relation is None and if_exists:
        return wire.status()
    relation = job.access.relation(relation, name, "TRUNCATE")
    with job.locking(name):
        job.execute(f"delete from {quoted(relation.physical)}")
        if job.session.in_transaction:
            job.session.written.add(name)
        else:
            job.account.touch(relation, ddl=False)
    return wire.status()


def comment(job: Job, cursor: Cursor) -> Result:
    """COMMENT [IF EXISTS] ON TABLE | VIEW | COLUMN | SCHEMA | DATABASE name IS 'text'"""
    cursor.accept("IF", "EXISTS")
    cursor.expect("ON")
    kind = cursor.take().word
    parts = cursor.name() if kind != "COLUMN" else _column_name(cursor)
    cursor.expect("IS")
    text = cursor.value()
    cursor.end()
    if kind in ("TABLE", "VIEW", "COLUMN"):
        name = job.full(parts if kind != "COLUMN" else parts[:-1])
        relation = job.access.relation(job.session.find(name), name, own=True)
        if kind == "COLUMN":
            relation.column_comments[parts[-1]] = text
        else:
            relation.comment = text
        job.account.touch(relation, ddl=True)
    elif kind in ("SCHEMA", "DATABASE"):
        item: Securable = job.access.schema(*job.scope(parts)) if kind == "SCHEMA" else job.access.database(parts[0])
        if not job.access.owns(item):
            raise insufficient(kind, item.name[-1])
        item.comment = text
    else:
        raise unsupported(f"COMMENT ON {kind}")
    return wire.status()


def _column_name(cursor: Cursor) -> tuple[str, ...]:
    parts = [cursor.identifier()]
    while cursor.accept("."):
        parts.append(cursor.identifier())
    if len(parts) < 2:
        raise missing("Object", dotted(tuple(parts)))
    return tuple(parts)
