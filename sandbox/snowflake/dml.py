"""SELECT, INSERT, UPDATE, DELETE, MERGE and transactions."""

from __future__ import annotations

from sqlglot import Expr, exp

from . import wire
from .binding import bind, parts, write_to
from .catalog import Relation, quoted
from .errors import unsupported
from .job import Job
from .lexer import Cursor
from .translate import name_columns, parse, to_duckdb
from .wire import Result


def query(job: Job, _cursor: Cursor) -> Result:
    """SELECT or WITH; constants and context functions need no warehouse."""
    expression = parse(job.sql)
    if not isinstance(expression, exp.Query):
        raise unsupported(job.sql[:200])
    name_columns(expression)
    bound = bind(job, expression)
    if bound.needs_warehouse:
        job.need_warehouse()
    sql = to_duckdb(expression)
    table, description = job.select(f"select * from ({sql}) limit 0" if job.describe else sql)
    return wire.arrow(table, description)


def insert(job: Job, _cursor: Cursor) -> Result:
    statement = parse(job.sql)
    if not isinstance(statement, exp.Insert):
        raise unsupported(job.sql[:200])
    overwrite = bool(statement.args.get("overwrite"))
    relation, node = _target(job, statement, "INSERT")
    if overwrite:
        job.access.relation(relation, relation.name, "DELETE")
    bind(job, statement, written=node)
    write_to(node, relation)
    statement.set("overwrite", None)
    clear = [f"delete from {quoted(relation.physical)}"] if overwrite else []
    return wire.counts(wire.INSERT, inserted=_change(job, relation, statement, clear))


def update(job: Job, _cursor: Cursor) -> Result:
    statement = parse(job.sql)
    relation, node = _target(job, statement, "UPDATE")
    bind(job, statement, written=node)
    write_to(node, relation)
    return wire.counts(wire.UPDATE, updated=_change(job, relation, statement))


def delete(job: Job, _cursor: Cursor) -> Result:
    statement = parse(job.sql)
    relation, node = _target(job, statement, "DELETE")
    bind(job, statement, written=node)
    write_to(node, relation)
    return wire.counts(wire.DELETE, deleted=_change(job, relation, statement))


def merge(job: Job, _cursor: Cursor) -> Result:
    """MERGE, natively; an unqualified name in INSERT VALUES or in SET's right side is the source's."""
    statement = parse(job.sql)
    if not isinstance(statement, exp.Merge):
        raise unsupported(job.sql[:200])
    verbs = _merge_verbs(statement)
    relation, node = _target(job, statement, *verbs[:1])
    for verb in verbs[1:]:
        job.access.relation(relation, relation.name, verb)
    source = statement.args["using"].alias_or_name
    bind(job, statement, written=node)
    write_to(node, relation)
    for when in statement.find_all(exp.When):
        _qualify(when.args.get("then"), source)
    job.need_warehouse()
    done = {"INSERT": 0, "UPDATE": 0, "DELETE": 0}
    with job.locking(relation.name):
        _begin_if_needed(job)
        for (action,) in job.execute(to_duckdb(statement) + " returning merge_action", job.bindings):
            done[action] += 1
        _changed(job, relation, sum(done.values()))
    numbers = {past: done[verb] for verb, past in _PAST.items() if verb in verbs}
    return wire.counts(wire.MERGE, **numbers)


_PAST = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


def _merge_verbs(statement: exp.Merge) -> list[str]:
    found = []
    for when in statement.find_all(exp.When):
        then = when.args.get("then")
        verb = "INSERT" if isinstance(then, exp.Insert) else "UPDATE" if isinstance(then, exp.Update) else "DELETE"
        if verb not in found:
            found.append(verb)
    return found


def _qualify(action: Expr | None, source: str) -> None:
    values: list[Expr] = []
    if isinstance(action, exp.Insert) and action.expression:
        values = [action.expression]
    elif isinstance(action, exp.Update):
        values = [pair.expression for pair in action.expressions]
        for pair in action.expressions:
            pair.this.set("table", None)
    for column in (c for value in values for c in value.find_all(exp.Column)):
        if not column.table:
            column.set("table", exp.to_identifier(source))


def _target(job: Job, statement: Expr, *privileges: str) -> tuple[Relation, exp.Table]:
    node = statement.this.this if isinstance(statement.this, exp.Schema) else statement.this
    if not isinstance(node, exp.Table):
        raise unsupported(job.sql[:200])
    name = job.full(parts(node))
    relation = job.access.relation(job.session.find(name), name, *privileges)
    if relation.kind != "TABLE":
        raise unsupported(f"DML on view {name[2]}")
    return relation, node


def _change(job: Job, relation: Relation, statement: Expr, before: list[str] | None = None) -> int:
    """Run a DML statement, after `before` in the same transaction; returns the rows it counts."""
    job.need_warehouse()
    sql = to_duckdb(statement)
    with job.locking(relation.name):
        _begin_if_needed(job)
        own = bool(before) and not job.session.in_transaction
        if own:
            job.execute("begin")
        try:
            for first in before or []:
                job.execute(first)
            rows = job.execute(sql, job.bindings)
        except Exception:
            if own:
                job.session.duck.execute("rollback")
            raise
        if own:
            job.execute("commit")
        count = int(rows[0][0])
        _changed(job, relation, count)
    return count


def _changed(job: Job, relation: Relation, count: int) -> None:
    """Move the change marker, in a transaction when it commits."""
    if not count:
        return
    if job.session.in_transaction:
        job.session.written.add(relation.name)
    else:
        job.account.touch(relation, ddl=False)


def _begin_if_needed(job: Job) -> None:
    """Without autocommit the first DML opens a transaction."""
    if job.session.parameters.get("AUTOCOMMIT", "true").lower() == "false":
        begin(job)


def begin(job: Job, _cursor: Cursor | None = None) -> Result:
    """BEGIN; inside a transaction it means nothing."""
    if not job.session.in_transaction:
        job.execute("begin")
        job.session.in_transaction = True
    return wire.status()


def commit(job: Job, _cursor: Cursor) -> Result:
    job.end_transaction(commit=True)
    return wire.status()


def rollback(job: Job, _cursor: Cursor) -> Result:
    job.end_transaction(commit=False)
    return wire.status()
