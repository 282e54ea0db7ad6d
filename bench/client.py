"""The client of the benchmark: compares through the connector when it is told to, and says what that took."""

from __future__ import annotations

import time
from typing import Any

import snowflake.connector

from bench.work import TABLES, peak_mb
from bot.comparison import Comparison, Pair
from bot.model import Origin, Relation, Request, Rules
from bot.session import Session
from bot.settings import UserSection

RULES = Rules(
    grain=Origin(columns=("DAY", "CHAIN", "PROTOCOL_ID"), source="meta"),
    date_column=Origin(columns=("DAY",), source="meta"),
)
BASELINE, CANDIDATE, EMPTY = (Relation("BENCH", "T", name) for name in TABLES)


def compare_forever(pipe: Any, port: int) -> None:
    connection = snowflake.connector.connect(
        account="sandbox", user="ADMIN", password="admin", host="127.0.0.1", port=port, protocol="http",
        session_parameters={"CLIENT_TELEMETRY_ENABLED": False, "TIMEZONE": "UTC"}, secondary_roles="NONE",
        platform_detection_timeout_seconds=0.0,
    )  # fmt: skip
    session = Session(connection, UserSection(user="ADMIN", role="ACCOUNTADMIN", warehouse="W"), doubts=False)
    compare(session, Pair(baseline=EMPTY, candidate=EMPTY, request=Request(model="bench"), rules=RULES))
    pipe.send("ready")
    while pipe.recv() != "stop":
        pair = Pair(baseline=BASELINE, candidate=CANDIDATE, request=Request(model="bench"), rules=RULES)
        pipe.send(compare(session, pair))
    connection.close()


def compare(session: Session, pair: Pair) -> dict[str, Any]:
    cpu, wall = time.process_time(), time.perf_counter()
    report = Comparison(session, pair, lambda _text, _share: None).run()
    return {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": peak_mb(),
        "statements": report.statements,
        "verdict": next(f.verdict.value for f in report.findings if f.name == "parity"),
        "changed": sum(c.window for c in report.changes),
    }
