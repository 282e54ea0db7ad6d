"""The work of the benchmark: two tables of twelve columns, and the three ways in which they differ; seeded, so always the same."""

from __future__ import annotations

import resource
import sys

CASES = ("scattered", "recent", "identical")
DAYS = 1000
LAST = "2026-04-21"
TABLES = ("BASELINE", "CANDIDATE", "EMPTY")
COLUMNS = "DAY, CHAIN, PROTOCOL_ID, VOLUME, FEES, PRICE, TVL, TRADES, CATEGORY, NOTE, SEEN_AT, ACTIVE"

# How many rows each kind of change has, whatever the size: as many as people have to look at.
MUCH, LITTLE, NULLED, ADDED, REMOVED = 1000, 10_000, 50, 100, 100


def baseline(rows: int) -> str:
    """DuckDB: `rows` rows over 1,000 days, 20 chains and as many protocols as it takes; every value from hash(row, seed)."""
    daily = max(rows // DAYS, 20)
    return f"""
    SELECT (DATE '{LAST}' - ({DAYS} - 1 - i // {daily})::INT)::DATE AS "DAY", 'chain' || (i % 20) AS "CHAIN",
      ((i % {daily}) // 20)::BIGINT AS "PROTOCOL_ID",
      (hash(i, 1) % 100000000 / 100.0)::DECIMAL(38,2) AS "VOLUME", (hash(i, 2) % 1000000 / 10000.0)::DECIMAL(38,4) AS "FEES",
      (hash(i, 3) % 1000000 / 7.0)::DOUBLE AS "PRICE", (hash(i, 4) % 100000000 / 3.0)::DOUBLE AS "TVL",
      (hash(i, 5) % 100000)::BIGINT AS "TRADES", 'category ' || (hash(i, 6) % 12) AS "CATEGORY",
      'note ' || (hash(i, 7) % 5000) AS "NOTE", TIMESTAMP '2026-04-20' - INTERVAL (hash(i, 8) % 86400000) SECOND AS "SEEN_AT",
      hash(i, 9) % 3 = 0 AS "ACTIVE"
    FROM range({daily * DAYS}) r(i)
    """


def candidate(source: str, case: str, rows: int) -> str:
    """DuckDB: `source` with the changes of the case, spread evenly over all days or over the last 30."""
    if case == "identical":
        return f"SELECT * FROM {source}"
    rows = max(rows // DAYS, 20) * DAYS
    days = DAYS if case == "scattered" else 30
    step = max(rows * days // DAYS // (MUCH + LITTLE + NULLED + REMOVED), 1)
    return f"""
    WITH numbered AS (
      SELECT *, row_number() OVER () - 1 AS i FROM {source}
    ), placed AS (
      SELECT *, CASE WHEN i >= {rows - rows * days // DAYS} AND (i - {rows - rows * days // DAYS}) % {step} = {step // 2}
        THEN (i - {rows - rows * days // DAYS}) // {step} ELSE -1 END AS place FROM numbered
    ), kinds AS (
      SELECT *, CASE WHEN place < 0 THEN '' WHEN place % 223 < 20 THEN 'much' WHEN place % 223 = 20 THEN 'nulled'
        WHEN place % 223 < 23 THEN 'removed' ELSE 'little' END AS kind FROM placed
    )
    SELECT "DAY", "CHAIN", "PROTOCOL_ID", CASE kind WHEN 'much' THEN ("VOLUME" * 1.5 + 10)::DECIMAL(38,2) WHEN 'nulled' THEN NULL
        ELSE "VOLUME" END AS "VOLUME", "FEES", CASE kind WHEN 'little' THEN "PRICE" * 1.0005 + 1e-6 ELSE "PRICE" END AS "PRICE",
      "TVL", "TRADES", "CATEGORY", "NOTE", "SEEN_AT", "ACTIVE"
    FROM kinds WHERE kind <> 'removed'
    UNION ALL
    SELECT "DAY", "CHAIN", "PROTOCOL_ID" + 1000000, "VOLUME", "FEES", "PRICE", "TVL", "TRADES", "CATEGORY", "NOTE", "SEEN_AT", "ACTIVE"
    FROM kinds WHERE kind = 'removed'
    """


def floor(table: str) -> str:
    """DuckDB: the pinned floor, one scan of every column of one table."""
    return f"SELECT bit_xor(hash({COLUMNS})) FROM {table}"


def peak_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform != "darwin" else 1024) / 1024
