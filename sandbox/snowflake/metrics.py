"""Data metric functions on tables: added, dropped and listed, never run; a copy of a table has none."""

from __future__ import annotations

import json

import pyarrow as pa

from .catalog import Metric, Relation, dotted
from .errors import missing
from .job import Job
from .lexer import Cursor

_FUNCTION = ("METRIC_DATABASE_NAME", "METRIC_SCHEMA_NAME", "METRIC_NAME")
_TABLE = ("REF_DATABASE_NAME", "REF_SCHEMA_NAME", "REF_ENTITY_NAME")
_REST = ("REF_ENTITY_DOMAIN", "REF_ARGUMENTS", "SCHEDULE", "SCHEDULE_STATUS", "LEVEL")


def alter(cursor: Cursor, relation: Relation, *, give: bool) -> None:
    """ALTER TABLE t ADD | DROP DATA METRIC FUNCTION db.schema.name ON (column, ...)"""
    name = cursor.name()
    cursor.expect("ON", "(")
    columns = []
    while not cursor.accept(")"):
        columns.append(cursor.identifier())
        cursor.accept(",")
    cursor.end()
    metric = Metric(function=name, columns=tuple(columns))
    if give:
        relation.metrics.append(metric)
    elif metric in relation.metrics:
        relation.metrics.remove(metric)
    else:
        raise missing("Data metric function", dotted(name))


def references(job: Job, relation: Relation) -> pa.Table:
    """DATA_METRIC_FUNCTION_REFERENCES of one table, for whoever may read it."""
    job.access.relation(relation, relation.name, "SELECT")
    rows = [
        {
            **dict(zip(_FUNCTION, metric.function, strict=True)),
            **dict(zip(_TABLE, relation.name, strict=True)),
            "REF_ENTITY_DOMAIN": "TABLE",
            "REF_ARGUMENTS": json.dumps([{"domain": "COLUMN", "name": column} for column in metric.columns]),
            "SCHEDULE": relation.metric_schedule,
            "SCHEDULE_STATUS": "STARTED",
            "LEVEL": "TABLE",
        }
        for metric in relation.metrics
    ]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([(column, pa.string()) for column in (*_FUNCTION, *_TABLE, *_REST)])
    )
