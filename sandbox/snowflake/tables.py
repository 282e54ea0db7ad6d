"""CREATE TABLE, CREATE VIEW and CLONE: who may, which kind comes out, whose grants it gets."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import Expr, exp

from . import constraints, wire
from .binding import Bound, bind
from .catalog import Grant, Name, Relation, quoted
from .errors import SnowflakeError, exists, unsupported
from .job import Job
from .lexer import Cursor
from .translate import name_columns, parse, to_duckdb
from .wire import Result


@dataclass(slots=True, kw_only=True)
class Order:
    """What the head of a CREATE TABLE or CREATE VIEW asks for."""

    kind: str
    name: Name
    replace: bool
    if_not_exists: bool
    transient: bool = False
    temporary: bool = False
    copy_grants: bool = False
    lengths: dict[str, int] = field(default_factory=dict)
    column_comments: dict[str, str] = field(default_factory=dict)
    comment: str = ""
    clustering: str = ""
    retention: int = 1
    reads: tuple[Name, ...] = ()
    text: str = ""


def create_table(job: Job, cursor: Cursor, *, replace: bool, kind: str) -> Result:
    """CREATE [OR REPLACE] [TRANSIENT|TEMPORARY] TABLE in all its forms that the sandbox has."""
    order = _head(job, cursor, "TABLE", replace, kind)
    if cursor.accept("CLONE"):
        return _clone(job, cursor, order)
    statement = parse(_without_copy_clauses(job.sql, order))
    if not isinstance(statement, exp.Create) or statement.args.get("clone") or statement.find(exp.LikeProperty):
        raise unsupported(job.sql[:200])
    _read_properties(statement, order)
    old = _admit(job, order)
    if old is not None and not order.replace:
        return wire.status(f"{order.name[2]} already exists, statement succeeded.")
    query = statement.expression
    if query is not None:
        name_columns(query)
        bound = bind(job, query)
        job.need_warehouse()
        _inherit_lengths(query, bound, order)
    relation = _new(job, order, old)
    table = quoted(relation.physical)
    columns = _definitions(statement, order)
    relation.lengths, relation.column_comments = order.lengths, order.column_comments
    relation.keys = constraints.of_table(job, statement)
    if query is None:
        _make(job, relation, [f"create or replace table {table} ({columns})"])
    elif columns:
        fill = f"insert into {table} {to_duckdb(query)}"
        _make(job, relation, [f"create or replace table {table} ({columns})", fill])
    else:
        _make(job, relation, [f"create or replace table {table} as {to_duckdb(query)}"])
    return wire.status(f"Table {order.name[2]} successfully created.")


def create_view(job: Job, cursor: Cursor, *, replace: bool, kind: str) -> Result:
    """CREATE [OR REPLACE] [TEMPORARY] VIEW; its creator must be able to read what it reads."""
    order = _head(job, cursor, "VIEW", replace, kind)
    statement = parse(_without_copy_clauses(job.sql, order))
    if not isinstance(statement, exp.Create) or statement.expression is None:
        raise unsupported(job.sql[:200])
    _read_properties(statement, order)
    old = _admit(job, order)
    if old is not None and not order.replace:
        return wire.status(f"{order.name[2]} already exists, statement succeeded.")
    query = statement.expression
    name_columns(query)
    bound = bind(job, query)
    if bound.virtual:
        raise unsupported("a view over INFORMATION_SCHEMA or a table function")
    _inherit_lengths(query, bound, order)
    order.reads, order.text = tuple(r.name for r in bound.reads), job.sql
    columns = _column_names(statement, order)
    relation = _new(job, order, old)
    relation.body = f"{columns} as {to_duckdb(query)}"
    _make(job, relation, [f"create or replace view {quoted(relation.physical)} {relation.body}"])
    relation.width = job.store.width(relation.physical)
    return wire.status(f"View {order.name[2]} successfully created.")


def _head(job: Job, cursor: Cursor, kind: str, replace: bool, modifier: str) -> Order:
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    if replace and if_not_exists:
        raise SnowflakeError(
            "001003", "42601", "SQL compilation error:\nOR REPLACE and IF NOT EXISTS cannot be combined."
        )
    return Order(
        kind=kind,
        name=job.full(cursor.name()),
        replace=replace,
        if_not_exists=if_not_exists,
        transient=modifier == "TRANSIENT",
        temporary=modifier in ("TEMPORARY", "TEMP", "VOLATILE"),
    )


def _without_copy_clauses(sql: str, order: Order) -> str:
    """The statement without COPY GRANTS and COPY TAGS before its query, which the parser does not know everywhere."""
    cursor, depth, cuts = Cursor(sql), 0, []
    while not cursor.done:
        if depth == 0 and cursor.peek() == "AS":
            break
        if depth == 0 and cursor.peek() == "COPY" and cursor.peek(1) in ("GRANTS", "TAGS"):
            order.copy_grants = order.copy_grants or cursor.peek(1) == "GRANTS"
            cuts.append((cursor.take().start, cursor.take().end))
            continue
        text = cursor.take().word
        depth += (text == "(") - (text == ")")
    for start, end in reversed(cuts):
        sql = sql[:start] + sql[end:]
    return sql


_IGNORED = (exp.TransientProperty, exp.TemporaryProperty, exp.VolatileProperty, exp.SecureProperty)


def _read_properties(statement: exp.Create, order: Order) -> None:
    properties = statement.args.get("properties")
    for item in properties.expressions if properties else []:
        if isinstance(item, exp.SchemaCommentProperty):
            order.comment = item.this.name
        elif isinstance(item, (exp.Cluster, exp.ClusterProperty)):
            order.clustering = clustering(item)
        elif isinstance(item, exp.Property) and item.this and item.name.upper() == "DATA_RETENTION_TIME_IN_DAYS":
            order.retention = int(item.args["value"].name)
        elif not isinstance(item, _IGNORED):
            raise unsupported(f"{item.sql('snowflake')} in CREATE {order.kind}")


def clustering(item: Expr) -> str:
    """A clustering key as SHOW TABLES writes it."""
    return "LINEAR(" + ", ".join(e.sql("snowflake").upper() for e in item.expressions) + ")"


def _admit(job: Job, order: Order) -> Relation | None:
    """Check that it may be created here; returns what already has the name."""
    database, schema, name = order.name
    if order.temporary:
        job.access.schema(database, schema)
        old = job.session.temporary.get(order.name)
    else:
        job.access.create_in(database, schema, order.kind)
        old = job.account.relations.get(order.name)
    if old is None:
        return None
    if order.replace:
        job.access.relation(old, order.name, own=True)
    elif not order.if_not_exists:
        raise exists(name)
    if old.kind != order.kind and order.replace:
        raise SnowflakeError("002203", "42710", f"SQL compilation error:\nObject '{name}' already exists as {old.kind}")
    return old


def _new(job: Job, order: Order, old: Relation | None, source: Relation | None = None) -> Relation:
    """The catalog entry of what is being made, with its owner, kind and grants; not yet in the catalog."""
    schema, database = job.account.schemas[order.name[:2]], job.account.databases[order.name[0]]
    now = job.account.now()
    relation = Relation(
        kind=order.kind,
        name=order.name,
        physical=order.name,
        owner=job.session.role,
        created=now,
        altered=now,
        ddl=now,
        changed=job.account.tick(),
        transient=order.kind == "TABLE" and (order.transient or schema.transient or database.transient),
        clustering=order.clustering,
        reclustering=bool(order.clustering),
        retention=order.retention,
        comment=order.comment,
        lengths=order.lengths,
        column_comments=order.column_comments,
        text=order.text,
        reads=order.reads,
    )
    if order.temporary:
        relation.session = job.session.id
        relation.physical = (*order.name[:2], f"{order.name[2]}@{job.session.id}")
    elif order.copy_grants and (giver := old or source):
        relation.grants = [Grant(g.privilege, g.role, relation.owner, now, g.option) for g in giver.grants]
    else:
        job.account.apply_future(relation)
    return relation


def _make(job: Job, relation: Relation, statements: list[str]) -> None:
    """Run the DuckDB statements as one and enter the relation in the catalog."""
    job.end_transaction(commit=True)
    with job.locking(relation.name):
        job.atomically(statements)
        pool = job.account.relations if relation.session is None else job.session.temporary
        pool[relation.name] = relation


def _clone(job: Job, cursor: Cursor, order: Order) -> Result:
    """CREATE .. TABLE x CLONE y [COPY GRANTS] [COPY TAGS]: a copy here, with Snowflake's rules about kinds and grants."""
    source = job.relation(cursor, "SELECT")
    if cursor.peek() in ("AT", "BEFORE"):
        raise unsupported("CLONE .. AT | BEFORE")
    while cursor.accept("COPY"):
        order.copy_grants = cursor.one_of("GRANTS", "TAGS") == "GRANTS" or order.copy_grants
    cursor.end()
    if source.kind != "TABLE":
        raise SnowflakeError(
            "002037", "42601", f"SQL compilation error:\nObject '{source.name[2]}' of type VIEW cannot be cloned."
        )
    old = _admit(job, order)
    if old is not None and not order.replace:
        return wire.status(f"{order.name[2]} already exists, statement succeeded.")
    if source is old:
        raise unsupported("cloning a table onto itself")
    order.clustering, order.comment, order.retention = source.clustering, source.comment, source.retention
    order.lengths, order.column_comments = dict(source.lengths), dict(source.column_comments)
    relation = _new(job, order, old, source)
    relation.reclustering = False
    relation.keys, relation.filters = list(source.keys), dict(source.filters)
    _check_kinds(source, relation)
    _make(job, relation, job.store.copy(source.physical, relation.physical, replace=True))
    return wire.status(f"Table {order.name[2]} successfully created.")


def _check_kinds(source: Relation, to: Relation) -> None:
    lasting = not to.transient and to.session is None
    if lasting and source.session is not None:
        raise SnowflakeError(
            "002119", "0A000", "SQL compilation error:\nTemp table cannot be cloned to a permanent table; clone to a transient table instead."
        )  # fmt: skip
    if lasting and source.transient:
        raise SnowflakeError(
            "002120", "0A000", "SQL compilation error:\nTransient object cannot be cloned to a permanent object."
        )


# Columns ------------------------------------------------------------------------------------------------------------


def _definitions(statement: exp.Create, order: Order) -> str:
    """DuckDB's column list, empty when the statement has none; without keys, which Snowflake does not enforce."""
    if not isinstance(statement.this, exp.Schema):
        return ""
    items = [item for item in statement.this.expressions if isinstance(item, exp.ColumnDef)]
    return ", ".join(definition(item, order.lengths, order.column_comments) for item in items)


_KEYS = (exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.Reference)


def definition(item: exp.ColumnDef, lengths: dict[str, int], comments: dict[str, str]) -> str:
    """One column for DuckDB; its VARCHAR length and comment are noted."""
    name, kind = folded(item.this), item.args.get("kind")
    if not isinstance(kind, exp.DataType):
        raise unsupported(f"column {item.sql('snowflake')}")
    if length := varchar_length(kind):
        lengths[name] = length
    text = f"{quoted((name,))} {to_duckdb(kind.copy())}"
    for constraint in item.args.get("constraints") or []:
        rule = constraint.args.get("kind")
        if isinstance(rule, exp.NotNullColumnConstraint):
            text += "" if rule.args.get("allow_null") else " not null"
        elif isinstance(rule, exp.DefaultColumnConstraint):
            text += f" default ({to_duckdb(rule.this.copy())})"
        elif isinstance(rule, exp.CommentColumnConstraint):
            comments[name] = rule.this.name
        elif not isinstance(rule, _KEYS):
            raise unsupported(f"column {item.sql('snowflake')}")
    return text


def folded(identifier: Expr) -> str:
    quoted_ = isinstance(identifier, exp.Identifier) and identifier.quoted
    return identifier.name if quoted_ else identifier.name.upper()


def varchar_length(kind: exp.DataType) -> int | None:
    if kind.this in (exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT) and kind.expressions:
        return int(kind.expressions[0].name)
    return None


def _column_names(statement: exp.Create, order: Order) -> str:
    if not isinstance(statement.this, exp.Schema):
        return ""
    names = []
    for item in statement.this.expressions:
        target = item.this if isinstance(item, exp.ColumnDef) else item
        names.append(folded(target))
        for comment in item.find_all(exp.CommentColumnConstraint):
            order.column_comments[names[-1]] = comment.this.name
    return "(" + ", ".join(quoted((name,)) for name in names) + ")"


def _inherit_lengths(query: Expr, bound: Bound, order: Order) -> None:
    """VARCHAR(n) of casts in the result, and of columns that keep their name from a relation that is read."""
    known: dict[str, set[int]] = {}
    for relation in bound.reads:
        for column, length in relation.lengths.items():
            known.setdefault(column, set()).add(length)
    order.lengths.update({column: found.pop() for column, found in known.items() if len(found) == 1})
    for item in query.selects if isinstance(query, exp.Query) else []:
        value = item.this if isinstance(item, exp.Alias) else item
        if isinstance(value, exp.Cast) and (length := varchar_length(value.to)):
            order.lengths[
                item.alias_or_name
                if item.args.get("alias") and item.args["alias"].quoted
                else item.alias_or_name.upper()
            ] = length
