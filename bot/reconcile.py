"""Is this database older than production? What the warehouse shows of this installation, against what is known here.

A database that was put back from a copy has forgotten promotions, undos and their holds. Snowflake has not: replacements
stand in its query history under our tags for 7 days, and the tables that we made carry our names. What is found is kept
here until a person takes it over (`dbt-refresh reconcile`); nothing is sent to that table meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot import names
from bot.model import OF_PRODUCTION, Refresh, Relation, Trace, Unrecorded
from bot.session import FAILED, HistoryRow, Session, SqlError
from bot.settings import WarehouseSection
from bot.store import Store
from bot.wording import reconcile as say

_REACH = timedelta(days=6, hours=23)  # of Snowflake's query history, with room for clocks that differ
_RECENT = 200  # refreshes whose schemas are looked at
_PLACES = 30  # schemas that are looked at, one statement each
_NAME = r'("(?:[^"]|"")+"(?:\."(?:[^"]|"")+"){2})'
_REPLACEMENT = re.compile(rf"(?s)CREATE OR REPLACE (?:TRANSIENT )?TABLE {_NAME}\s+CLONE {_NAME}")

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the warehouse showed. `whole`: the history was read as far back as Snowflake has it."""

    replacements: tuple[HistoryRow, ...] = ()
    tables: Mapping[Relation, datetime] = field(default_factory=dict)  # named as ours are, and when each was created
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the database knows: attempts at production, and tables that we made."""

    intended: Collection[str]
    recorded: Collection[Relation]


def unrecorded(seen: Seen, known: Known, installation: str) -> tuple[Unrecorded, ...]:
    """What of it this installation did and its database does not know; a replacement that failed did nothing. Pure."""
    return (*_replacements(seen, known, installation), *_tables(seen, known, installation))


def _replacements(seen: Seen, known: Known, installation: str) -> Iterable[Unrecorded]:
    done: dict[str, Unrecorded] = {}
    for row in seen.replacements:
        sent, text = names.sent(row.tag, installation), _REPLACEMENT.match(row.text)
        if sent is None or text is None or row.status in FAILED or sent.attempt in known.intended:
            continue
        table, source = map(Relation.parse, text.groups())
        done[sent.attempt] = Unrecorded(
            key=sent.attempt,
            trace=sent.trace,
            ref=sent.ref,
            table=table,
            at=row.started,
            status=row.status,
            source=source,
            query_id=row.query_id,
        )
    return done.values()


def _tables(seen: Seen, known: Known, installation: str) -> Iterable[Unrecorded]:
    for table, created in seen.tables.items():
        made = names.made(table.name)
        if made is not None and made.installation == installation and table not in known.recorded:
            yield Unrecorded(key=table.sql, trace=made.trace, ref=made.ref, table=table, at=created)


def fences(seen: Seen, installation: str) -> dict[int, int]:
    """The highest fence that is seen in the name of a table, for each refresh of this installation that is seen at all."""
    sent = (names.sent(row.tag, installation) for row in seen.replacements)
    found = {int(one.ref[1:]): 0 for one in sent if one}
    for made in map(names.made, (table.name for table in seen.tables)):
        if made is not None and made.installation == installation:
            number, fence = int(made.ref[1:]), int(made.attempt) if made.attempt.isdigit() else 0
            found[number] = max(found.get(number, 0), fence)
    return found


def foreign(tables: Iterable[Relation], installation: str) -> list[Relation]:
    """Those that another installation has made: their names differ from ours, so that neither mistakes them."""
    read = ((table, names.made(table.name)) for table in tables)
    return [table for table, made in read if made is not None and made.installation != installation]


def concerns(one: Unrecorded, prod: Relation) -> bool:
    """Whether it changed this production table, or was about to. A backup's name tells the table, not its schema."""
    if one.trace not in OF_PRODUCTION:
        return False
    made = names.made(one.table.name) if one.trace is Trace.BACKUP else None
    if made is not None:
        return one.table.database == prod.database and made.of(prod, one.table.name)
    return one.table == prod


def waits(store: Store, prod: Relation, now: datetime) -> str:
    """What was found on a table and no person has taken over yet, in words; "" where there is nothing."""
    found = [one for one in store.unrecorded() if concerns(one, prod)]
    return say.older_than_production(prod, found, now) if found else ""


class Reconciliation:
    """Looks with a session of the promoter, whose own statements Snowflake shows without any further right."""

    def __init__(self, store: Store, warehouse: WarehouseSection) -> None:
        self._store = store
        self._warehouse = warehouse

    def before_promotion(self, session: Session, refresh: Refresh, now: datetime) -> str:
        """Why nothing may be sent to production, in words; "" where everything that happened is known here.

        Raises what the session raises.
        """
        return self.before_undo(session, refresh, now) or self._made_anew(session, refresh, now)

    def before_undo(self, session: Session, refresh: Refresh, now: datetime) -> str:
        """As `before_promotion`, without what only a promotion rests on."""
        prod = refresh.prod
        seen = self._look(session, prod.database, [(prod.database, self._warehouse.backup_schema)])
        if text := waits(self._store, prod, now):
            return text
        return "" if seen.whole else say.history_too_long(prod)

    def look(self, session: Session) -> Seen:
        """One bounded look over all live refreshes and the last days; what is found is kept."""
        refreshes = [*self._store.live(), *self._store.recent(_RECENT)]
        database = next((r.prod.database for r in refreshes), next(iter(self._warehouse.prod_databases), ""))
        if not database:
            return Seen()
        seen = self._look(session, database, self._places(refreshes))
        self._store.go_past(fences(seen, self._store.installation))
        return seen

    def _places(self, refreshes: Iterable[Refresh]) -> list[tuple[str, str]]:
        """The schemas of their backups and of what they build, those of the live and newest refreshes first."""
        backups = self._warehouse.backup_schema
        found = [p for r in refreshes for p in ((r.prod.database, backups), (r.dev.database, r.dev.schema))]
        return list(dict.fromkeys([*found, *((name, backups) for name in self._warehouse.prod_databases)]))[:_PLACES]

    def _look(self, session: Session, database: str, places: Iterable[tuple[str, str]]) -> Seen:
        """What is seen, kept where this database does not know it.

        Intents are asked for after the look, since each is committed before its statement is sent; tables before and
        after, since each is recorded before it is made, and forgotten after it was dropped.
        """
        store, installation = self._store, self._store.installation
        recorded = store.recorded_relations()
        seen = self._read(session, database, places)
        sent = (names.sent(row.tag, installation) for row in seen.replacements)
        intended = store.intended({int(one.ref[1:]) for one in sent if one})
        known = Known(intended=intended, recorded=recorded | store.recorded_relations())
        store.note_unrecorded(unrecorded(seen, known, installation))
        return seen

    def _read(self, session: Session, database: str, places: Iterable[tuple[str, str]]) -> Seen:
        history = session.replacements(names.prefix(self._store.installation), database)
        tables: dict[Relation, datetime] = {}
        for place in places:
            try:
                tables |= session.made_tables(*place)
            except SqlError as error:  # a database that this role may not see holds nothing that it made
                log.info("not visible", database=place[0], detail=error.detail)
        return Seen(replacements=history.rows, tables=tables, whole=not history.full_page)

    def _made_anew(self, session: Session, refresh: Refresh, now: datetime) -> str:
        """Production's last change, where the history does not reach back to the comparison: by whom is not known then."""
        baseline = refresh.baseline
        if baseline is None or baseline.prod_token is None or now - baseline.taken_at < _REACH:
            return ""
        token = session.token(refresh.prod)
        if token is None or token.created == baseline.prod_token.created:
            return ""
        return say.made_anew(refresh.prod, baseline.taken_at)
