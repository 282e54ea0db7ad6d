"""Binding a parsed statement: which relation each name means, whether the role may read it, what functions answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import fakesnow.transforms as fs
from sqlglot import Expr, exp

from . import functions, metadata
from .catalog import Name, Relation, dotted
from .errors import SnowflakeError, unsupported
from .job import Job


@dataclass(slots=True)
class Bound:
    """What binding found: the relations read, and whether anything but constants is read."""

    reads: list[Relation] = field(default_factory=list)
    virtual: bool = False

    @property
    def needs_warehouse(self) -> bool:
        return bool(self.reads) or self.virtual


def bind(job: Job, expression: Expr, *, written: Expr | None = None) -> Bound:
    """Replace every name in place by what DuckDB knows; `written` is the target, whose rights the caller checked.

    Raises 002003 or 003001 for what the role may not read and 000002 for what the sandbox does not have.
    """
    bound = Bound()
    expression.transform(lambda node: fs.identifier(node, None), copy=False)
    for table in list(expression.find_all(exp.Table)):
        if table is not written and not _is_cte(table):
            _bind_table(job, table, bound)
    for call in list(expression.find_all(exp.TableFromRows)):
        _bind_call(job, call, bound)
    functions.answer(job, expression)
    return bound


def parts(table: exp.Table) -> tuple[str, ...]:
    """The written name, folded: quoted parts exactly, others in upper case."""
    found = []
    for part in table.parts:
        if not isinstance(part, exp.Identifier):
            raise unsupported(table.sql("snowflake"))
        found.append(part.name if part.quoted else part.name.upper())
    return tuple(found)


def _bind_table(job: Job, table: exp.Table, bound: Bound) -> None:
    if isinstance(table.this, exp.Func):
        raise unsupported(f"table function {table.sql('snowflake')}")
    if table.args.get("when") or table.args.get("version") or table.args.get("changes"):
        raise unsupported(f"Time Travel: {table.sql('snowflake')}")
    name = job.full(parts(table))
    if name[1] == "INFORMATION_SCHEMA":
        job.access.database(name[0])
        bound.virtual = True
        point(table, job.register(metadata.view(job, name[0], name[2])), name[2])
        return
    relation = job.access.relation(job.session.find(name), name, "SELECT")
    bound.reads.append(relation)
    _check_width(job, relation)
    _at(table, relation.physical, name[2])
    if condition := relation.filters.get(job.session.role):
        _filter(table, condition, name[2])


def _check_width(job: Job, relation: Relation) -> None:
    """A view keeps the columns it was made with; raises 002057 when what it reads has more or fewer now."""
    if relation.kind != "VIEW":
        return
    for name in relation.reads:
        if inner := job.session.find(name):
            _check_width(job, inner)
    if "*" in relation.body and (now := job.store.width(relation.physical)) != relation.width:
        raise SnowflakeError(
            "002057",
            "42601",
            f"SQL compilation error:\nView definition for '{dotted(relation.name)}' declared {relation.width} column(s), "
            f"but view query produces {now} column(s).",
        )


def _bind_call(job: Job, call: exp.TableFromRows, bound: Bound) -> None:
    """TABLE(...): generator, result scan, or a function of INFORMATION_SCHEMA."""
    function, alias = call.this, call.args.get("alias")
    if isinstance(function, exp.Generator):
        rowcount = function.args.get("rowcount")
        if not isinstance(rowcount, exp.Literal):
            raise unsupported(call.sql("snowflake"))
        source = exp.Table(this=exp.Anonymous(this="range", expressions=[rowcount.copy()]))
        name = alias.this.copy() if alias else exp.to_identifier("GENERATOR")
        source.set("alias", exp.TableAlias(this=name, columns=[exp.to_identifier(functions.SEQUENCE)]))
        call.replace(source)
        return
    bound.virtual = True
    rows = job.register(functions.table(job, function))
    table = exp.Table()
    point(table, rows, "")
    if alias:
        table.set("alias", alias.copy())
    call.replace(table)


def point(table: exp.Table, target: str, name: str) -> None:
    """Make the node read DuckDB's `target`, still known by its own name in the rest of the statement."""
    fresh = exp.to_table(target, dialect="duckdb")
    for key in ("this", "db", "catalog"):
        table.set(key, fresh.args.get(key))
    if name and not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))


def _at(table: exp.Table, physical: Name, name: str) -> None:
    for key, part in zip(("catalog", "db", "this"), physical, strict=True):
        table.set(key, exp.to_identifier(part, quoted=True))
    if physical[2] != name and not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))


def _filter(table: exp.Table, condition: str, name: str) -> None:
    """What a row access policy leaves of the rows, under the same name; the metadata knows of all of them."""
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    inner = table.copy()
    inner.set("alias", None)
    rows = exp.select("*").from_(inner).where(exp.condition(condition, dialect="duckdb"))
    table.replace(exp.Subquery(this=rows, alias=alias.copy()))


def write_to(table: exp.Table, relation: Relation) -> None:
    """Point the target of a DML statement at its rows."""
    for key, part in zip(("catalog", "db", "this"), relation.physical, strict=True):
        table.set(key, exp.to_identifier(part, quoted=True))


def _is_cte(table: exp.Table) -> bool:
    """Whether the name is a WITH query that is in scope here."""
    if table.db or not isinstance(table.this, exp.Identifier):
        return False
    mine = _folded(table.this)
    return any(mine == name for name in _ctes_in_scope(table))


def _ctes_in_scope(node: Expr) -> Iterator[str]:
    child, parent = node, node.parent
    while parent is not None:
        with_ = parent.args.get("with_")
        if isinstance(with_, exp.With) and with_ is not child:
            yield from (_folded(cte.args["alias"].this) for cte in with_.expressions)
        if isinstance(parent, exp.With):
            for cte in parent.expressions:
                if cte is child and not parent.args.get("recursive"):
                    break
                yield _folded(cte.args["alias"].this)
                if cte is child:
                    break
            child, parent = parent.parent, parent.parent.parent if parent.parent else None
            continue
        child, parent = parent, parent.parent


def _folded(identifier: exp.Identifier) -> str:
    return identifier.name if identifier.quoted else identifier.name.upper()
