"""One Snowflake connection of one of the two users: its statements, what it sees and what it changes.

Errors are told apart by what they leave behind: a SqlError did nothing, a ReadFailed changed nothing, Unreachable may be
looked up by name, and InDoubt (a write of the promoter that may have happened) is never retried.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from snowflake.connector import DictCursor, SnowflakeConnection
from snowflake.connector.errors import Error, IntegrityError, ProgrammingError

from bot import described, inspection, queries, sql_errors
from bot.errors import InDoubt, RefreshError
from bot.model import Column, Content, Kind, Relation, Snapshot, Table, Token
from bot.patience import Alive, patiently
from bot.settings import UserSection
from bot.wording import warehouse as wording

_HISTORY_PAGE = 10_000
_HISTORY_PAGES = 10
_REACH_MINUTES = 7 * 24 * 60 - 5  # Snowflake refuses to look further back than 7 days
FAILED = frozenset({"FAILED_WITH_ERROR", "FAILED_WITH_INCIDENT"})  # what else Snowflake may say one day proves nothing
_REAL = 1  # the connector's type code of FLOAT

Row = dict[str, Any]
Binds = Mapping[str, object]


class SqlError(RefreshError):
    """Snowflake refused a statement before it began: nothing of it happened. `code` is Snowflake's number."""

    def __init__(self, user_text: str, detail: str, code: int) -> None:
        super().__init__(user_text, detail)
        self.code = code


class NotVisible(SqlError):
    """The object does not exist or the role may not see it: Snowflake does not say which."""


class TransientSource(SqlError):
    """002120: a transient table cannot be cloned into a permanent one."""


class ReadFailed(RefreshError):
    """A statement that only reads ended with another error; that is no word about rights or about what is there."""

    def __init__(self, user_text: str, detail: str, code: int) -> None:
        super().__init__(user_text, detail)
        self.code = code

    @property
    def passing(self) -> bool:
        """Whether the same statement may well succeed a moment later."""
        return self.code in sql_errors.PASSING

    @property
    def cut_short(self) -> bool:
        """Whether it was stopped on its way, so that its end says nothing about what was asked."""
        return self.passing or self.code == sql_errors.TIMED_OUT


class Unreachable(RefreshError):
    """No answer that counts, for a statement whose effect does not matter or that can be looked up by name."""


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """One statement in Snowflake's query history; `status` is RUNNING, QUEUED, BLOCKED, SUCCESS, FAILED_WITH_ERROR ...

    In upper case: Snowflake's pages spell it in lower case for the function and in upper case for the view.
    """

    query_id: str
    status: str
    started: datetime
    text: str
    error: str = ""
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class History:
    """Statements of one tag. A full page is no proof that anything is absent."""

    rows: tuple[HistoryRow, ...]
    full_page: bool


@dataclass(frozen=True, kw_only=True)
class Schema:
    owner: str
    transient: bool


class Session:
    """One connection of one user. `statements` and `query_ids` grow in the order sent, `""` where there was no id."""

    def __init__(
        self, connection: SnowflakeConnection, section: UserSection, *, doubts: bool, alive: Alive | None = None
    ) -> None:
        self._connection = connection
        self._doubts = doubts
        self._alive = alive
        self._columns: dict[str, bool] = {}  # of the last result
        self.statements: list[str] = []
        self.query_ids: list[str] = []
        self._check_identity(section)

    # Statements

    def rows(self, sql_name: str, /, binds: Binds | None = None, **context: object) -> list[Row]:
        """Read: every row of `sql/<sql_name>.sql`, keys in lower case. Raises SqlError, ReadFailed, Unreachable."""
        return self._send(queries.render(sql_name, **context), binds, writes=False)

    def result_columns(self, sql_name: str, /, **context: object) -> dict[str, bool]:
        """The columns that a statement returns, as Snowflake names them, and whether each is a FLOAT. Raises as `rows`."""
        self._send(queries.render(sql_name, **context), None, writes=False)
        return self._columns

    def run(self, sql_name: str, /, binds: Binds | None = None, **context: object) -> str:
        """Write: the query id of `sql/<sql_name>.sql`. Raises SqlError, else Unreachable, and for the promoter InDoubt."""
        self._send(queries.render(sql_name, **context), binds, writes=True)
        return self.query_ids[-1]

    def send(self, statement: str) -> str:
        """Write: one statement of an approved list, letter by letter. Raises as `run`."""
        self._send(statement.replace("%", "%%"), None, writes=True)
        return self.query_ids[-1]

    def _send(self, sql: str, binds: Binds | None, *, writes: bool) -> list[Row]:
        self.statements.append(queries.plain(sql))
        cursor, query_id = self._connection.cursor(DictCursor), ""
        try:
            found = patiently(lambda: self._execute(cursor, sql, binds), self._alive, lambda: self._abort(cursor))
            self._columns = {column.name: column.type_code == _REAL for column in cursor.description or ()}
        except (Error, OSError) as error:
            query_id = getattr(error, "sfqid", None) or ""
            raise self._translated(error, writes) from None  # the driver's own message may quote rows
        finally:
            self.query_ids.append(query_id or cursor.sfqid or "")  # also where nobody waits for it any more
            cursor.close()
        return [{str(key).lower(): value for key, value in dict(row).items()} for row in found]

    def _execute(self, cursor: DictCursor, sql: str, binds: Binds | None) -> list[Any]:
        cursor.execute(sql if binds else queries.plain(sql), dict(binds) if binds else None)
        return cursor.fetchall()

    def _abort(self, cursor: DictCursor) -> None:
        """Nobody waits for this statement any more. A write of the promoter goes on: only a look says what it did."""
        request = cursor._request_id  # the connector has no public way to stop a statement that has no id yet
        if not self._doubts and request is not None:
            with suppress(Error, OSError):
                self._connection._cancel_query(self.statements[-1], request)

    def _translated(self, error: Error | OSError, writes: bool) -> RefreshError:
        """Only a number that is known to precede execution proves that a write did nothing."""
        message = wording.redact(str(error))
        detail = f"{message}\n{self.statements[-1]}"
        answered = isinstance(error, ProgrammingError | IntegrityError)  # an OSError has small numbers of its own
        code = (error.errno if answered else None) or -1
        if code in sql_errors.BEFORE_EXECUTION:
            return _refusal(code)(wording.refused(message), detail, code)
        judged = answered and sql_errors.judges_statement(code)
        if writes and self._doubts:
            return InDoubt(wording.in_doubt(), message)
        if writes:
            return Unreachable(wording.unconfirmed(message) if judged else wording.unreachable(), message)
        if judged:
            return ReadFailed(wording.failed(message), detail, code)
        return Unreachable(wording.unreachable(), message)

    def _check_identity(self, section: UserSection) -> None:
        row = self.rows("inspect/identity")[0]
        self._opened = inspection.utc(row["now"]), time.monotonic()
        self._role: str = row["role_name"] or ""
        if self._role.upper() != section.role.upper():
            raise RefreshError(wording.wrong_role(section.user, section.role, self._role or "none"))
        if json.loads(row["secondary_roles"] or "{}").get("value") not in (None, "", "NONE"):
            raise RefreshError(wording.secondary_roles(section.user), row["secondary_roles"])

    # Looking

    def role(self) -> str:
        return self._role

    def now(self) -> datetime:
        """The time by Snowflake's clock, for what is compared with times of Snowflake: ours may differ, or be set anew."""
        opened, ours = self._opened
        return opened + timedelta(seconds=time.monotonic() - ours)

    @cached_property
    def missing_rights(self) -> tuple[str, ...]:
        """What this session's role needs on the account before it sees every policy."""
        if self.account_grants is None:
            return inspection.POLICY_RIGHTS
        return inspection.missing_rights(self.account_grants, self._role)

    @cached_property
    def account_grants(self) -> list[Row] | None:
        """Privileges on the account, as far as this role sees them; None where Snowflake refuses."""
        return self._if_visible("inspect/account_grants", None)

    def available_roles(self) -> frozenset[str] | None:
        """Every role that this user may take, inherited ones and PUBLIC included; None where Snowflake does not tell."""
        rows = self._if_visible("inspect/available_roles", None)
        try:
            return frozenset(json.loads(rows[0]["roles"])) if rows else None
        except (ValueError, TypeError):
            return None

    def exists(self, relation: Relation) -> bool:
        return bool(self.rows("inspect/table", named(relation), relation=relation))

    def owner(self, relation: Relation) -> str:
        """The role that owns it; "" when it is not there."""
        rows = self.rows("inspect/table", named(relation), relation=relation)
        return (rows[0]["table_owner"] or "") if rows else ""

    def schema(self, relation: Relation) -> Schema | None:
        """Owner and kind of the relation's schema; None when there is none that we may see."""
        rows = self.rows("inspect/schema", {"schema": relation.schema}, relation=relation)
        if not rows:
            return None
        return Schema(owner=rows[0]["schema_owner"] or "", transient=inspection.yes(rows[0]["is_transient"]))

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        rows = self.rows("inspect/columns", named(relation), relation=relation)
        return tuple(inspection.column(row) for row in rows)

    def table(self, relation: Relation, *, alone: bool = False) -> Table | None:
        """All that the catalog says about one table; None when it is not there. List fields are None where not visible.

        `alone`: without what reads it or guards it, for a copy of ours. Raises NotVisible when the database is not visible.
        """
        return described.table(self, relation, alone=alone)

    def policies(self, relation: Relation, domain: str = "TABLE") -> tuple[str, ...] | None:
        """What masks or filters a table, or with `domain` a VIEW; None unless every kind of policy would be seen."""
        if self.missing_rights:
            return None
        found = self.if_visible("inspect/policies", relation, {"relation": relation.sql, "domain": domain})
        return None if found is None else inspection.policies(found)

    def view_texts(self, relation: Relation) -> dict[Relation, str] | None:
        """The SQL of every view in the relation's database, "" where it is hidden; None where they are not listed."""
        found = self.if_visible("inspect/views", relation)
        return None if found is None else inspection.view_texts(found)

    def if_visible(
        self, sql_name: str, relation: Relation, binds: Binds | None = None, **context: object
    ) -> list[Row] | None:
        """Rows, or None where Snowflake refuses: an edition without the feature, a role without the right.

        Raises ReadFailed for what was cut short, and Unreachable: neither is about what may be seen.
        """
        return self._if_visible(sql_name, binds, relation=relation, **context)

    def _if_visible(self, sql_name: str, binds: Binds | None, **context: object) -> list[Row] | None:
        try:
            return self.rows(sql_name, binds, **context)
        except SqlError:
            return None
        except ReadFailed as error:
            if error.cut_short:
                raise
            return None

    def token(self, relation: Relation) -> Token | None:
        """The cheap change marker; None when the table is not there."""
        binds = {"relation": relation.sql, **named(relation)}
        try:
            rows = self.rows("inspect/token", binds, relation=relation)
        except NotVisible:
            return None
        return inspection.token(rows[0]) if rows else None

    def content(self, relation: Relation, columns: Sequence[str] = ()) -> Content:
        """Exact count and 64-bit hash over `columns` (default: all) in sorted order, so that any two tables compare."""
        names = sorted(columns) or sorted(c.name for c in self.columns(relation))
        row = self.rows("inspect/content", relation=relation, columns=names)[0]
        return Content(rows=int(row["row_count"]), hash=int(row["hash"] or 0))

    def snapshot(self, relation: Relation, prod_token: Token | None = None) -> Snapshot:
        """The table's kind, token and content now, each read back. Raises NotVisible when it is not there."""
        token = self.token(relation)
        if token is None:
            detail = f"{relation} is not there"
            raise NotVisible(wording.refused(detail), detail, 2003)
        content = self.content(relation)
        return Snapshot(
            relation=relation,
            kind=token.kind,
            token=token,
            content=content,
            taken_at=datetime.now(UTC),
            prod_token=prod_token,
        )

    def answers(self, relation: Relation) -> bool:
        """Whether a dependent view still compiles."""
        return self.if_visible("inspect/answers", relation) is not None

    def history(self, tag: str, since: datetime, database: str) -> History:
        """Statements sent under exactly this tag since then, oldest first. `database`: any that the role may use."""
        binds = {"tag": tag, "since": since.astimezone(UTC).isoformat(), "page": _HISTORY_PAGE}
        rows = self.rows("inspect/history", binds, database=database)
        return History(
            rows=tuple(
                HistoryRow(
                    query_id=row["query_id"],
                    status=(row["execution_status"] or "").upper(),
                    started=inspection.utc(row["start_time"]),
                    text=row["query_text"] or "",
                    error=wording.redact(row["error_message"] or ""),
                )
                for row in rows
                if row["query_id"]
            ),
            full_page=int(rows[0]["seen"]) >= _HISTORY_PAGE,
        )

    def replacements(self, prefix: str, database: str) -> History:
        """CREATE OR REPLACE statements of this user under query tags with a prefix, as far back as Snowflake tells.

        `database`: any that the role may use. A full page is followed by the one before it, up to a limit.
        """
        found: dict[str, HistoryRow] = {}
        until: str | None = None
        for _ in range(_HISTORY_PAGES):
            binds = {"prefix": prefix, "minutes": _REACH_MINUTES, "page": _HISTORY_PAGE, "until": until}
            rows = self.rows("inspect/replacements", binds, database=database, until=until)
            found |= {row["query_id"]: _replacement(row) for row in rows if row["query_id"]}
            if int(rows[0]["seen"]) < _HISTORY_PAGE:
                return History(rows=tuple(found.values()), full_page=False)
            until = inspection.utc(rows[0]["oldest"]).isoformat()
        return History(rows=tuple(found.values()), full_page=True)

    def made_tables(self, database: str, schema: str) -> dict[Relation, datetime]:
        """Tables of a schema that are named as ours are, of any installation, and when each was created."""
        rows = self.rows("inspect/made_tables", {"schema": schema}, database=database)
        return {Relation(database, schema, row["table_name"]): inspection.utc(row["created"]) for row in rows}

    def times(self, query_ids: Sequence[str], since: datetime, database: str) -> dict[str, tuple[datetime, datetime]]:
        """Start and end of these statements by query id, as far as Snowflake shows them by now."""
        binds = {"ids": " ".join(query_ids), "since": since.astimezone(UTC).isoformat()}
        try:
            rows = self.rows("inspect/times", binds, database=database)
        except (SqlError, ReadFailed):
            return {}
        return {r["query_id"]: (inspection.utc(r["start_time"]), inspection.utc(r["end_time"])) for r in rows}

    # Changing

    def clone(self, source: Relation, to: Relation, kind: Kind, *, replace: bool = False) -> str:
        """Zero-copy clone as a permanent or transient table. Raises TransientSource (002120)."""
        return self.send(queries.clone(source, to, kind, replace=replace))

    def rename(self, source: Relation, target: Relation) -> str:
        return self.run("dev/rename", source=source, target=target)

    def lock(self, marker: Relation, holder: str) -> str:
        """Make the marker for `holder`, or find it there; who holds it now, "" when it went meanwhile."""
        try:
            self.run("dev/lock", {"holder": holder}, relation=marker)
        except Unreachable:  # also where it is there already, which is no proof that somebody else made it
            rows = self.rows("inspect/table", named(marker), relation=marker)
            return (rows[0]["comment"] or "") if rows else ""
        return holder

    def drop(self, relation: Relation) -> str:
        return self.run("dev/drop", relation=relation)

    def only_for_owner(self, relation: Relation, reader: str) -> None:
        """Take every right to change a table of ours from all other roles, and let `reader` read it."""
        for row in self.rows("inspect/grants", relation=relation):
            own = row["privilege"] in ("OWNERSHIP", "SELECT", "REFERENCES") or row["granted_to"] != "ROLE"
            if not own:
                self.run("dev/revoke", relation=relation, privilege=row["privilege"], role=row["grantee_name"])
        self.grant_select(relation, reader)

    def grant_select(self, relation: Relation, role: str) -> str:
        return self.run("dev/grant_select", relation=relation, role=role)

    def ensure_dev_schema(self, relation: Relation, reader_role: str) -> None:
        """The bot's dev schema with the promoter's rights to read in it, made when missing.

        A schema that an administrator made without managed access may refuse the promise for future tables; the
        candidate gets its own grant in any case. Raises SqlError where the schema cannot be made or opened.
        """
        if self.schema(relation) is None:
            self.run("dev/create_schema", relation=relation)
        self.run("dev/grant_usage", relation=relation, role=reader_role)
        with suppress(NotVisible):
            self.run("dev/grant_future", relation=relation, role=reader_role)

    def cancel(self, query_id: str) -> None:
        """Stop one of this user's statements; one that has ended already is no error."""
        self.rows("inspect/cancel", {"query_id": query_id})

    def cancel_tag(self, tag: str, since: datetime, database: str) -> int:
        """Stop whatever still runs in sessions that have used a tag, this one apart; how many statements that were.

        Raises the error that a cancel was answered with where its statement is seen to run on.
        """
        others = self._running(tag, since, database)
        refused: dict[str, SqlError | ReadFailed] = {}
        for query_id in others:
            try:
                self.cancel(query_id)
            except (SqlError, ReadFailed) as error:
                refused[query_id] = error
        for query_id in refused.keys() & (self._running(tag, since, database) if refused else set()):
            raise refused[query_id]
        return len(others)

    def _running(self, tag: str, since: datetime, database: str) -> set[str]:
        binds = {"tag": tag, "since": since.astimezone(UTC).isoformat(), "page": _HISTORY_PAGE}
        return {row["query_id"] for row in self.rows("inspect/running", binds, database=database)} - set(self.query_ids)


def _refusal(code: int) -> type[SqlError]:
    if code == sql_errors.TRANSIENT_SOURCE:
        return TransientSource
    return NotVisible if code in sql_errors.NOT_VISIBLE else SqlError


def _replacement(row: Row) -> HistoryRow:
    return HistoryRow(
        query_id=row["query_id"],
        status=(row["execution_status"] or "").upper(),
        started=inspection.utc(row["start_time"]),
        text=row["query_text"] or "",
        tag=row["query_tag"] or "",
    )


def named(relation: Relation) -> Binds:
    return {"schema": relation.schema, "name": relation.name}
