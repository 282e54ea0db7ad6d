"""The whole state: counted independently of any bookkeeping, saved, put back; and the end of a session."""

from __future__ import annotations

import copy
import itertools
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from .catalog import Account, Name, Relation, quoted
from .job import World
from .log import Log
from .session import Session
from .store import Store

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Saved:
    """A copy of the account, and where DuckDB keeps a copy of each table."""

    account: Account
    tables: dict[Name, Name]


def census(world: World, databases: set[str]) -> dict[str, tuple[int, int, str]]:
    """Every table and view of these databases: rows, content hash, DuckDB's own number of it (new with each replace).

    A view has no rows of its own; its hash is of its definition.
    """
    duck = world.store.root.cursor()
    temporary = {r.physical for session in list(world.sessions.values()) for r in session.temporary.values()}
    found = duck.execute(
        "select database_name, schema_name, table_name, table_oid from duckdb_tables() where database_name in (select unnest(?))",
        [sorted(databases)],
    ).fetchall()
    result: dict[str, tuple[int, int, str]] = {}
    for *name, oid in sorted(found):
        if tuple(name) in temporary:
            continue
        row = duck.execute(
            f"select count(*), coalesce(sum(hash(t)::hugeint) % 18446744073709551616::hugeint, 0) from {quoted(tuple(name))} t"
        ).fetchone()
        assert row
        result[".".join(name)] = (row[0], int(row[1]), str(oid))
    views = duck.execute(
        "select database_name, schema_name, view_name, hash(sql), view_oid from duckdb_views() "
        "where not internal and database_name in (select unnest(?))",
        [sorted(databases)],
    ).fetchall()
    result |= {".".join(name): (0, code, str(oid)) for *name, code, oid in views if tuple(name) not in temporary}
    return result


def save(world: World) -> Saved:
    """Copy everything; sessions and their temporary objects are not part of it."""
    number = next(_numbers)
    world.store.attach(f"saved_{number}")
    tables: dict[Name, Name] = {}
    duck = world.store.root.cursor()
    for i, relation in enumerate(r for r in world.account.relations.values() if r.kind == "TABLE"):
        tables[relation.name] = (f"saved_{number}", "main", f"t{i}")
        _copy(world.store, duck, relation.physical, tables[relation.name])
    return Saved(copy.deepcopy(world.account), tables)


def restore(world: World, saved: Saved) -> None:
    """Put a saved state back; the log starts anew, faults are off, running statements are cancelled."""
    _quiet(world)
    now, then = world.account, copy.deepcopy(saved.account)
    then.catch_up(now)
    _containers(world.store, now, then)
    duck = world.store.root.cursor()
    views = set(duck.execute("select database_name, schema_name, view_name from duckdb_views()").fetchall())
    there = [r for r in now.relations.values() if r.kind == "TABLE" or r.physical in views]
    kept = {r.name for r in there if _same(r, then.relations.get(r.name))}
    for relation in now.relations.values():
        if relation.name not in kept and relation.name[:2] in then.schemas:
            duck.execute(f"drop {relation.kind.lower()} if exists {quoted(relation.physical)}")
    for relation in then.relations.values():
        if relation.name in kept:
            continue
        if relation.kind == "TABLE":
            _copy(world.store, duck, saved.tables[relation.name], relation.physical)
        else:
            with suppress(duckdb.CatalogException):  # it reads what was gone already when it was saved
                duck.execute(f"create or replace view {quoted(relation.physical)} {relation.body}")
    world.account = then
    for session in world.sessions.values():
        session.account = then
    world.log = Log()
    world.results.clear()
    world.faults.clear()


def _quiet(world: World) -> None:
    for job in list(world.running.values()):
        job.cancel()
    for session in list(world.sessions.values()):
        with session.lock:
            _reset(world, session)


def _same(now: Relation, then: Relation | None) -> bool:
    return then is not None and (now.created, now.changed) == (then.created, then.changed)


def _containers(store: Store, now: Account, then: Account) -> None:
    for database in now.databases.keys() - then.databases.keys():
        store.detach(database)
    for database in then.databases.keys() - now.databases.keys():
        store.attach(database)
    for schema in now.schemas.keys() - then.schemas.keys():
        if schema[0] in then.databases:
            store.drop_schema(*schema)
    for schema in then.schemas:
        store.create_schema(*schema)


def _copy(store: Store, duck: duckdb.DuckDBPyConnection, source: Name, to: Name) -> None:
    for sql in store.copy(source, to, replace=True):
        duck.execute(sql)


def close_session(world: World, session: Session) -> None:
    """What ends with a session: its open transaction, its locks, its temporary objects, its connection."""
    with session.lock:
        _reset(world, session)
        session.duck.close()


def _reset(world: World, session: Session) -> None:
    if session.in_transaction:
        session.duck.execute("rollback")
        session.in_transaction = session.broken = False
        session.written.clear()
    for relation in session.temporary.values():
        session.duck.execute(f"drop {relation.kind.lower()} if exists {quoted(relation.physical)}")
    session.temporary.clear()
    world.locks.release(session.id)
