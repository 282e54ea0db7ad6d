"""Results in the form the connector reads: JSON rows for what the sandbox answers itself, Arrow for queries."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from fakesnow.arrow import to_ipc, to_sf
from fakesnow.rowtype import describe_as_rowtype

from .errors import unsupported

_BEFORE_CHRIST = re.compile(r"\A(\d{4,})(-\d\d-\d\d) \(BC\)")
SELECT, INSERT, UPDATE, DELETE, MERGE, DDL = 0x1000, 0x3100, 0x3200, 0x3300, 0x3400, 0x6000

# DuckDB's integers and floats that Arrow carries and Snowflake has under one name.
_WIDER = {
    "TINYINT": ("BIGINT", pa.int64()),
    "SMALLINT": ("BIGINT", pa.int64()),
    "UTINYINT": ("BIGINT", pa.int64()),
    "USMALLINT": ("BIGINT", pa.int64()),
    "UINTEGER": ("BIGINT", pa.int64()),
    "HUGEINT": ("DECIMAL(38,0)", pa.decimal128(38, 0)),
    "FLOAT": ("DOUBLE", pa.float64()),
    "UUID": ("VARCHAR", pa.string()),
}


@dataclass(slots=True)
class Result:
    """What a statement answers: the `data` of the reply, and the rows for RESULT_SCAN."""

    data: dict[str, Any]
    type: int = DDL
    table: pa.Table | None = None
    stats: dict[str, int] = field(default_factory=dict)

    def as_table(self) -> pa.Table:
        """The rows made here as Arrow, numbers as numbers, the rest as text."""
        columns = zip(*self.data["rowset"], strict=True) if self.data["rowset"] else [()] * len(self.data["rowtype"])
        arrays = {}
        for kind, values in zip(self.data["rowtype"], columns, strict=True):
            number = kind["type"] == "fixed"
            arrays[kind["name"]] = pa.array(
                [int(v) if number and v else v for v in values], pa.int64() if number else pa.string()
            )
        return pa.table(arrays)


def status(text: str = "Statement executed successfully.") -> Result:
    return rows({"status": "text"}, [(text,)])


def rows(columns: dict[str, str], values: Iterable[Sequence[object]], type_: int = DDL) -> Result:
    """Rows made here; `columns` maps each name to text, fixed, boolean or timestamp_ltz."""
    encoded = [[_encode(value) for value in row] for row in values]
    rowtype = [_column(name, kind) for name, kind in columns.items()]
    return Result({"rowtype": rowtype, "rowset": encoded, "total": len(encoded), "queryResultFormat": "json"}, type_)


def counts(type_: int, **numbers: int) -> Result:
    """The answer to a DML statement: rows inserted, updated, deleted; the sum is the connector's rowcount."""
    result = rows({f"number of rows {verb}": "fixed" for verb in numbers}, [tuple(numbers.values())], type_)
    result.stats = {f"numRows{verb.capitalize()}": n for verb, n in numbers.items()}
    result.data["stats"] = {
        "numRowsInserted": 0, "numRowsUpdated": 0, "numRowsDeleted": 0, "numDmlDuplicates": 0, **result.stats,
    }  # fmt: skip
    return result


def arrow(table: pa.Table, description: Sequence[Sequence[Any]]) -> Result:
    """Rows of a query that DuckDB ran."""
    described = []
    for i, (name, duck, *_) in enumerate(description):
        kind, width = _WIDER.get(str(duck), (str(duck), None))
        if width is not None:
            table = table.set_column(i, table.field(i).name, table.column(i).cast(width))
        described.append((name, kind, None, None, None, None))
    table = _without_era(table)
    try:
        rowtype = describe_as_rowtype(described)
    except NotImplementedError as error:
        raise unsupported(f"a result {error}") from None
    encoded = b64encode(to_ipc(_with_null_times(table, to_sf(table, rowtype)))).decode() if table.num_rows else ""
    data = {"rowtype": rowtype, "rowsetBase64": encoded, "total": table.num_rows, "queryResultFormat": "arrow"}
    return Result(data, SELECT, table)


def _without_era(table: pa.Table) -> pa.Table:
    """Dates before the year 1 as Snowflake writes them: 0000-01-01, where DuckDB writes 0001-01-01 (BC)."""
    for i, plain in enumerate(table.schema):
        texts = table.column(i).to_pylist() if pa.types.is_string(plain.type) else []
        if any(text and " (BC)" in text for text in texts):
            mended = [text and _BEFORE_CHRIST.sub(_year, text) for text in texts]
            table = table.set_column(i, plain, pa.array(mended, pa.string()))
    return table


def _year(found: re.Match[str]) -> str:
    year = 1 - int(found[1])
    return f"{year:04d}{found[2]}" if year >= 0 else f"-{-year:04d}{found[2]}"


def _with_null_times(table: pa.Table, encoded: pa.Table) -> pa.Table:
    """fakesnow writes a NULL timestamp as 1970; give its struct a null instead."""
    for i, plain in enumerate(table.schema):
        if pa.types.is_timestamp(plain.type) and table.column(i).null_count:
            struct = encoded.column(i).combine_chunks()
            mask = table.column(i).combine_chunks().is_null()
            parts = [part.with_nullable(True) for part in struct.type]
            column = pa.StructArray.from_arrays(struct.flatten(), fields=parts, mask=mask)
            encoded = encoded.set_column(i, encoded.schema.field(i).with_type(column.type), column)
    return encoded


def _encode(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return f"{value.timestamp():.6f}000"
        case _:
            return str(value)


def _column(name: str, kind: str) -> dict[str, Any]:
    sizes = {"fixed": (38, 0, None), "text": (None, None, 16777216), "timestamp_ltz": (0, 9, None)}
    precision, scale, length = sizes.get(kind, (None, None, None))
    return {
        "name": name, "database": "", "schema": "", "table": "", "nullable": True, "type": kind,
        "byteLength": length, "length": length, "scale": scale, "precision": precision, "collation": None,
    }  # fmt: skip
