"""A table as one session sees it, with what hangs on it. What Snowflake refuses to tell is None, never empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot import inspection, separation
from bot.model import Relation, Table

if TYPE_CHECKING:
    from bot.session import Session

Rows = list[dict[str, Any]]


def table(session: Session, relation: Relation, *, alone: bool) -> Table | None:
    """None when it is not there; `alone` leaves out what reads or guards it."""
    name = {"schema": relation.schema, "name": relation.name}
    rows = session.rows("inspect/table", name, relation=relation)
    if not rows:
        return None
    upkeep = session.if_visible("inspect/upkeep", relation, {"name": relation.name})
    around = {} if alone else _readers(session, relation) | _guards(session, relation)
    return inspection.table(
        relation,
        rows[0],
        session.columns(relation),
        tags=_tags(session, relation),
        keys=_keys(session, relation),
        **inspection.upkeep(upkeep or (), relation),
        **around,
    )


def _readers(session: Session, relation: Relation) -> dict[str, object]:
    """What a replacement would break: all that reads the table or refers to it."""
    streams = session.if_visible("inspect/streams", relation)
    dynamic = session.if_visible("inspect/dynamic_tables", relation)
    views = session.if_visible("inspect/views", relation)
    suspended = session.if_visible("inspect/materialized_views", relation)
    references = session.if_visible("inspect/keys", relation, which="EXPORTED")
    through = inspection.readers(views or (), relation) if dynamic else ()
    return {
        "streams": None if streams is None else inspection.streams(streams, relation),
        "dynamic_tables": None if dynamic is None else inspection.dynamic_tables(dynamic, relation, through),
        "views": None if views is None or suspended is None else inspection.views(views, suspended, relation),
        "referenced_by": None if references is None else inspection.references(references),
    }


def _guards(session: Session, relation: Relation) -> dict[str, object]:
    """Who may do what with it, what hides its rows, what watches them."""
    grants = session.if_visible("inspect/grants", relation)
    metrics = session.if_visible("inspect/metric_functions", relation, {"relation": relation.sql})
    return {
        "grants": None if grants is None else inspection.grants(grants),
        "container_grants": _container_grants(session, relation),
        "policies": session.policies(relation),
        "metric_functions": None if metrics is None else inspection.metric_functions(metrics),
    }


def _container_grants(session: Session, relation: Relation) -> tuple[str, ...] | None:
    """Who may change the schema, the database or anybody's rights, and with them the table."""
    found = list(separation.container_grants("ACCOUNT", "", session.account_grants or ()))
    for kind, name in (("SCHEMA", f"{relation.database}.{relation.schema}"), ("DATABASE", relation.database)):
        rows = session.if_visible("inspect/container_grants", relation, on=kind)
        if rows is None:
            return None
        found += separation.container_grants(kind, name, rows)
    return tuple(found)


def _tags(session: Session, relation: Relation) -> tuple[str, ...] | None:
    found: Rows = []
    for sql_name in ("inspect/tags", "inspect/column_tags"):
        rows = session.if_visible(sql_name, relation, {"relation": relation.sql})
        if rows is None:
            return None
        found += rows
    return inspection.tags(found)


def _keys(session: Session, relation: Relation) -> tuple[str, ...] | None:
    found: list[Rows] = []
    for which in ("PRIMARY", "UNIQUE", "IMPORTED"):
        rows = session.if_visible("inspect/keys", relation, which=which)
        if rows is None:
            return None
        found.append(rows)
    return inspection.keys(*found)
