"""Functions that know the account: CURRENT_*, SYSTEM$..., and the table functions of INFORMATION_SCHEMA."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from sqlglot import Expr, exp

from . import metrics
from .catalog import Name, Relation
from .errors import SnowflakeError, insufficient, missing, unsupported
from .job import Job
from .lexer import Cursor
from .log import Statement
from .state import close_session
from .translate import to_duckdb

SEQUENCE = "SANDBOX_SEQ"  # the column of TABLE(GENERATOR(..)) that SEQ4() and the like read

_CONTEXT: dict[type[Expr], Callable[[Job], str]] = {
    exp.CurrentRole: lambda job: job.session.role,
    exp.CurrentUser: lambda job: job.session.user,
    exp.CurrentWarehouse: lambda job: job.session.warehouse,
    exp.CurrentDatabase: lambda job: job.session.database,
    exp.CurrentSchema: lambda job: job.session.schema,
    exp.CurrentSession: lambda job: str(job.session.id),
    exp.CurrentSecondaryRoles: lambda job: _secondary(job),
    exp.CurrentAvailableRoles: lambda job: _available(job),
    exp.CurrentAccount: lambda _: "SANDBOX",
    exp.CurrentRegion: lambda _: "SANDBOX",
    exp.CurrentVersion: lambda _: "9.99.0",
}


def answer(job: Job, expression: Expr) -> None:
    """Replace every call that only the account can answer by its value, in place."""
    for node in list(expression.find_all(exp.Func)):
        if type(node) in _CONTEXT:
            node.replace(_literal(_CONTEXT[type(node)](job)))
        elif isinstance(node, exp.CurrentTimestamp) and job.world.ahead:
            now = exp.Literal.string(job.world.now().isoformat())
            node.replace(exp.cast(now, "TIMESTAMPTZ", dialect="duckdb"))
        elif isinstance(node, exp.Anonymous) and (call := _FUNCTIONS.get(node.name.upper())):
            node.replace(_literal(call(job, [_text(a) for a in node.expressions])))
        elif isinstance(node, exp.Anonymous) and node.name.upper().startswith("SYSTEM$"):
            raise unsupported(node.name.upper())
        elif isinstance(node, (exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8)):
            node.replace(exp.column(SEQUENCE))


def _literal(value: str | int) -> Expr:
    if isinstance(value, int):
        return exp.cast(exp.Literal.number(value), "BIGINT", dialect="duckdb")
    return exp.Literal.string(value) if value else exp.cast(exp.Null(), "VARCHAR", dialect="duckdb")


def _text(argument: Expr) -> str:
    """A constant argument; the sandbox answers such calls before the query runs."""
    if isinstance(argument, (exp.Literal, exp.Neg)):
        return argument.name if isinstance(argument, exp.Literal) else "-" + argument.this.name
    if isinstance(argument, exp.Cast):
        return _text(argument.this)
    raise unsupported(f"a system function with an argument that is no constant: {argument.sql('snowflake')}")


def _secondary(job: Job) -> str:
    if not job.session.secondary:
        return '{"roles":"","value":""}'
    roles = ",".join(sorted(job.account.user(job.session.user).roles - {job.session.role}))
    return f'{{"roles":"{roles}","value":"ALL"}}'


def _available(job: Job) -> str:
    """All roles of the user and all below them, whichever of them the session has taken."""
    return json.dumps(sorted(job.account.closure(job.account.user(job.session.user).roles)))


def _last_query_id(job: Job, _arguments: list[str]) -> str:
    return job.session.last_query_id


def _last_change(job: Job, arguments: list[str]) -> int:
    name = job.full(Cursor(arguments[0]).name())
    relation = job.access.relation(job.session.find(name), name)
    return _newest(job, relation.name, relation.changed)


def _newest(job: Job, name: Name, changed: int) -> int:
    relation = job.session.find(name)
    reads = relation.reads if relation else ()
    return max([changed, *(_newest(job, r, found.changed) for r in reads if (found := job.session.find(r)))])


def _cancel_query(job: Job, arguments: list[str]) -> str:
    other = job.world.running.get(arguments[0])
    if other is None:
        return "Identified SQL statement is not currently executing."
    _may_cancel(job, other)
    other.cancel()
    return f"query [{arguments[0]}] terminated."


def _cancel_all(job: Job, arguments: list[str]) -> str:
    mine = [o for o in list(job.world.running.values()) if str(o.session.id) == arguments[0] and o is not job]
    for other in mine:
        _may_cancel(job, other)
        other.cancel()
    return f"{len(mine)} SQL statements cancelled." if mine else "no SQL statements to cancel"


def _abort_session(job: Job, arguments: list[str]) -> str:
    _cancel_all(job, arguments)
    session = next((s for s in list(job.world.sessions.values()) if str(s.id) == arguments[0]), None)
    if session is None or session is job.session:
        raise SnowflakeError("000600", "02000", f"Session {arguments[0]} not found")
    if session.user != job.session.user and "ACCOUNTADMIN" not in job.access.roles:
        raise insufficient("SESSION", arguments[0])
    del job.world.sessions[session.token]
    close_session(job.world, session)
    return "Session aborted."


def _may_cancel(job: Job, other: Job) -> None:
    warehouse = job.account.warehouses.get(other.session.warehouse)
    if other.session.user != job.session.user and not (warehouse and job.access.has(warehouse, "OPERATE")):
        raise insufficient("SESSION", str(other.session.id))


_BUNDLES = (
    '[{"name":"2026_07","isDefault":true,"isEnabled":true},{"name":"2026_08","isDefault":false,"isEnabled":false}]'
)
_FUNCTIONS: dict[str, Callable[[Job, list[str]], str | int]] = {
    "LAST_QUERY_ID": _last_query_id,
    "SYSTEM$LAST_CHANGE_COMMIT_TIME": _last_change,
    "SYSTEM$CANCEL_QUERY": _cancel_query,
    "SYSTEM$CANCEL_ALL_QUERIES": _cancel_all,
    "SYSTEM$ABORT_SESSION": _abort_session,
    "SYSTEM$SHOW_ACTIVE_BEHAVIOR_CHANGE_BUNDLES": lambda _job, _arguments: _BUNDLES,
}


# Table functions ----------------------------------------------------------------------------------------------------


def table(job: Job, function: Expr) -> pa.Table:
    """The rows of TABLE(function): the history of queries, policies, tags, an earlier result."""
    call = function
    scope: list[str] = []
    while isinstance(call, exp.Dot):
        scope = [i.name.upper() for i in call.this.find_all(exp.Identifier)]
        call = call.expression
    if not isinstance(call, exp.Anonymous):
        raise unsupported(f"table function {function.sql('snowflake')}")
    name, arguments = call.name.upper(), _arguments(call)
    if name == "RESULT_SCAN":
        return _result_scan(job, call)
    if name.startswith("QUERY_HISTORY"):
        return _query_history(job, name, arguments)
    if name in ("POLICY_REFERENCES", "TAG_REFERENCES", "TAG_REFERENCES_ALL_COLUMNS"):
        return _references(job, name, arguments)
    if name == "DATA_METRIC_FUNCTION_REFERENCES":
        return metrics.references(job, _entity(job, name, arguments))
    raise unsupported(f"table function {'.'.join([*reversed(scope), name])}")


def _arguments(call: exp.Anonymous) -> dict[str, Expr]:
    """By name, or by position as '0', '1'."""
    found: dict[str, Expr] = {}
    for position, argument in enumerate(call.expressions):
        if isinstance(argument, exp.Kwarg):
            found[argument.this.name.upper()] = argument.expression
        else:
            found[str(position)] = argument
    return found


def _result_scan(job: Job, call: exp.Anonymous) -> pa.Table:
    inner = call.expressions[0] if call.expressions else exp.Literal.string("")
    is_last = isinstance(inner, exp.Anonymous) and inner.name.upper() == "LAST_QUERY_ID"
    query_id = job.session.last_query_id if is_last else _text(inner)
    result = job.world.results.get(query_id)
    if result is None:
        raise SnowflakeError("000709", "02000", f"Statement {query_id} not found")
    return result.table if result.table is not None else result.as_table()


_HISTORY = pa.schema(
    [(n, pa.string()) for n in ("QUERY_ID", "QUERY_TEXT", "DATABASE_NAME", "SCHEMA_NAME", "QUERY_TYPE")]
    + [("SESSION_ID", pa.int64())]
    + [(n, pa.string()) for n in ("USER_NAME", "ROLE_NAME", "WAREHOUSE_NAME", "QUERY_TAG", "EXECUTION_STATUS")]
    + [("ERROR_CODE", pa.string()), ("ERROR_MESSAGE", pa.string())]
    + [("START_TIME", pa.timestamp("us", "UTC")), ("END_TIME", pa.timestamp("us", "UTC"))]
    + [("TOTAL_ELAPSED_TIME", pa.int64()), ("ROWS_PRODUCED", pa.int64())]
)


def _query_history(job: Job, name: str, arguments: dict[str, Expr]) -> pa.Table:
    """Newest first, what ended in the range or still runs, at most RESULT_LIMIT (100, 10,000 at most)."""
    since = _moment(job, arguments.get("END_TIME_RANGE_START"))
    until = _moment(job, arguments.get("END_TIME_RANGE_END"))
    limit = int(_text(arguments["RESULT_LIMIT"])) if "RESULT_LIMIT" in arguments else 100
    if not 1 <= limit <= 10000:
        raise SnowflakeError("001044", "42P13", "SQL compilation error: Invalid value for argument RESULT_LIMIT.")
    if since and since < datetime.now(UTC) - timedelta(days=7):
        raise SnowflakeError("001044", "42P13", "Cannot retrieve data from more than 7 days ago.")
    user = _text(arguments["USER_NAME"]) if "USER_NAME" in arguments else job.session.user
    session = int(_text(arguments["SESSION_ID"])) if "SESSION_ID" in arguments else job.session.id
    found = []
    for entry in reversed(list(job.world.log.statements)):
        outside = entry.ended is not None and ((since and entry.ended < since) or (until and entry.ended > until))
        other = (name.endswith("BY_USER") and entry.user != user) or (
            name.endswith("BY_SESSION") and entry.session_id != session
        )
        if not outside and not other and _may_see(job, entry):
            found.append(_history_row(entry))
        if len(found) == limit:
            break
    return pa.Table.from_pylist(found, schema=_HISTORY)


def _moment(job: Job, value: Expr | None) -> datetime | None:
    """A constant timestamp expression, computed by DuckDB."""
    if value is None:
        return None
    row = job.store.connect().execute(f"select ({to_duckdb(value.copy())})::timestamptz::timestamp").fetchone()
    return row[0].replace(tzinfo=UTC) if row and row[0] else None


def _may_see(job: Job, entry: Statement) -> bool:
    if entry.user == job.session.user:
        return True
    warehouse = job.account.warehouses.get(entry.warehouse)
    return "ACCOUNTADMIN" in job.access.roles or bool(warehouse and job.access.has(warehouse, "MONITOR", "OPERATE"))


def _history_row(entry: Statement) -> dict[str, object]:
    code, _, message = (entry.error or "").partition(": ")
    return {
        "QUERY_ID": entry.query_id,
        "QUERY_TEXT": entry.sql,
        "DATABASE_NAME": entry.database or None,
        "SCHEMA_NAME": entry.schema or None,
        "QUERY_TYPE": Cursor(entry.sql).peek() or "UNKNOWN",
        "SESSION_ID": entry.session_id,
        "USER_NAME": entry.user,
        "ROLE_NAME": entry.role,
        "WAREHOUSE_NAME": entry.warehouse or None,
        "QUERY_TAG": entry.tag,
        "EXECUTION_STATUS": entry.status.lower(),  # as Snowflake's page of the function spells them
        "ERROR_CODE": code or None,
        "ERROR_MESSAGE": message or None,
        "START_TIME": entry.started,
        "END_TIME": entry.ended or datetime.fromtimestamp(0, UTC),  # Snowflake's word for "still running"
        "TOTAL_ELAPSED_TIME": int(entry.ms or 0),
        "ROWS_PRODUCED": entry.rows,
    }


_REFERENCES = {
    "POLICY_REFERENCES": "POLICY_DB POLICY_SCHEMA POLICY_NAME POLICY_KIND REF_DATABASE_NAME REF_SCHEMA_NAME REF_ENTITY_NAME "
    "REF_ENTITY_DOMAIN REF_COLUMN_NAME REF_ARG_COLUMN_NAMES TAG_DATABASE TAG_SCHEMA TAG_NAME POLICY_STATUS",
    "TAG_REFERENCES": "TAG_DATABASE TAG_SCHEMA TAG_NAME TAG_VALUE APPLY_METHOD LEVEL OBJECT_DATABASE OBJECT_SCHEMA "
    "OBJECT_NAME DOMAIN COLUMN_NAME",
}


# Every kind is shown to who may apply it; an owner who may apply none gets an error (Snowflake's page of the function).
_APPLY = {
    f"{kind.replace(' ', '_')}_POLICY": f"APPLY {kind} POLICY"
    for kind in ("MASKING", "ROW ACCESS", "AGGREGATION", "JOIN", "PROJECTION", "STORAGE LIFECYCLE")
}


def _references(job: Job, function: str, arguments: dict[str, Expr]) -> pa.Table:
    """Recorded policies or tags of one table or view; a recorded row {'error': ...} for it refuses the question."""
    kind = function.removesuffix("_ALL_COLUMNS")
    name = _entity(job, function, arguments).name
    unseen = [k for k, right in _APPLY.items() if not job.access.on_account(right, primary=False)]
    if kind == "POLICY_REFERENCES" and len(unseen) == len(_APPLY):
        raise SnowflakeError("003001", "42501", "SQL access control error:\nInsufficient privileges to see policies")
    columns = _REFERENCES[kind].split()
    recorded = [r for r in job.account.recorded.get(kind, []) if r.get("entity") in (".".join(name), None)]
    if refusal := next((r["error"] for r in recorded if "error" in r), None):
        raise SnowflakeError("003001", "42501", f"SQL access control error:\n{refusal}")
    rows = [{c: r.get(c) for c in columns} for r in recorded if r.get("POLICY_KIND") not in unseen]
    return pa.Table.from_pylist(rows, schema=pa.schema([(c, pa.string()) for c in columns]))


def _entity(job: Job, function: str, arguments: dict[str, Expr]) -> Relation:
    """The table or view that a table function is asked about, as far as the role may know of it."""
    given = arguments.get("REF_ENTITY_NAME") or arguments.get("0")
    if given is None:
        raise unsupported(f"{function} without an entity")
    name = job.full(Cursor(_text(given)).name()[:3])
    relation = job.session.find(name)
    if relation is None or not job.access.shows(relation):
        raise missing("Object", ".".join(name))
    return relation
