"""What became of a statement whose answer was lost: fence, look, decide; never a blind repetition (design section 5).

Errs to asking a person. The fence renames the source, so that a late statement finds nothing to clone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from bot import names
from bot.errors import RefreshError
from bot.events import Doubted, Promoted
from bot.leases import Lease
from bot.model import Problem, Promotion, Refresh, Relation, Snapshot, Token
from bot.patience import Alive
from bot.services import Services
from bot.session import FAILED, History, HistoryRow, Session, SqlError
from bot.settings import WarehouseSection
from bot.wording import production as say

_REACH = timedelta(days=7)  # of Snowflake's QUERY_HISTORY; it refuses to look further back
_RUNNING = frozenset({"RUNNING", "QUEUED", "BLOCKED", "RESUMING_WAREHOUSE"})


class Fate(Enum):
    """What a look at history and prod proves about the statement."""

    HAPPENED = "happened"
    RUNNING = "running"
    NOT_SENT = "not sent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen. `settled`: the statement's timeout has passed, so an absent one will not start any more.

    `too_old`: the history does not reach back to the statement any more, so it says nothing about it.
    """

    statuses: tuple[str, ...]
    full_page: bool
    prod_moved: bool
    settled: bool
    too_old: bool = False

    @property
    def too_early(self) -> bool:
        """Nothing speaks for the statement, but it could still be on its way: later the same look is proof."""
        return decide(self) is Fate.UNCERTAIN and decide(replace(self, settled=True)) is Fate.NOT_SENT


def decide(seen: Evidence) -> Fate:
    """The decision table; pure. Only agreement of history and prod is proof."""
    if any(s in _RUNNING for s in seen.statuses):
        return Fate.RUNNING
    if "SUCCESS" in seen.statuses and seen.prod_moved:
        return Fate.HAPPENED
    whole = not seen.full_page and not seen.too_old
    failed = all(s in FAILED for s in seen.statuses)  # every one there is, if there is one
    if failed and not seen.prod_moved and whole and seen.settled:
        return Fate.NOT_SENT
    return Fate.UNCERTAIN


def latest_start(intended: datetime, limits: WarehouseSection) -> datetime:
    """Until when a statement may still start, or appear in the history, which lags behind."""
    return intended + limits.statement_timeout + limits.history_lag


class Unfenced(RefreshError):
    """What a late statement would copy is there, and its user does not see it: nothing is fenced."""


class Contradicted(RefreshError):
    """Snowflake shows that the statement runs or has happened, whatever a person says."""


class Recovery:
    def __init__(self, services: Services) -> None:
        self._services = services

    def promotion(self, refresh: Refresh, lease: Lease) -> tuple[Refresh, Fate]:
        """Settle a promotion in doubt: verifying, needs_attention, or unchanged while the statement still runs.

        With `recovery = "auto"` an absent statement is waited for until it cannot come any more; then NOT_SENT is
        returned with the candidate under its new name, and nothing is recorded: the caller may send again.
        """
        services, promotion = self._services, refresh.promotion
        assert promotion is not None
        fenced, unfenced = self.fenced_if_possible(refresh, lease)
        with services.warehouse.promoter(f"{promotion.tag}:look", alive=lease.check) as session:
            seen = self.evidence(session, promotion, refresh.prod)
        fate, auto = decide(seen), services.settings.policy.recovery == "auto"
        if fate is Fate.HAPPENED:
            sent = replace(promotion, sent_at=promotion.sent_at or promotion.intended_at)
            return services.record(fenced, Promoted(at=services.clock(), promotion=sent), claim=lease.claim), fate
        if fate is Fate.RUNNING or (auto and seen.too_early):
            return refresh, Fate.RUNNING
        if fate is Fate.NOT_SENT and auto and not unfenced:
            return fenced, fate
        return services.record(fenced, self.doubt(seen, unfenced), claim=lease.claim), fate

    def make_sure_it_is_absent(self, refresh: Refresh, alive: Alive | None = None) -> None:
        """After the fence: a statement that was faster has found what it copies. Raises Contradicted, and as the session."""
        intent = refresh.undo if refresh.undo_request else refresh.promotion
        assert intent is not None
        with self._services.warehouse.promoter(f"{intent.tag}:look", alive=alive) as session:
            fate = decide(self.evidence(session, intent, refresh.prod))
        if fate is Fate.RUNNING:
            raise Contradicted(say.still_runs())
        if fate is Fate.HAPPENED:
            raise Contradicted(say.did_happen())

    def evidence(self, session: Session, intent: Promotion, prod: Relation) -> Evidence:
        """Look for the one statement by its tag and text, and at prod's token; all times are Snowflake's."""
        services = self._services
        began = intent.warehouse_at or intent.intended_at
        since, now = began - timedelta(minutes=1), session.now()
        too_old = now - since >= _REACH
        history = History(rows=(), full_page=False) if too_old else session.history(intent.tag, since, prod.database)
        mine = [row for row in history.rows if self._is_replacement(row, prod)]
        token: Token | None = session.token(prod)
        return Evidence(
            statuses=tuple(row.status for row in mine),
            full_page=history.full_page,
            prod_moved=token != intent.prod_token,
            settled=now > latest_start(began, services.settings.warehouse),
            too_old=too_old,
        )

    def doubt(self, seen: Evidence, unfenced: str = "") -> Doubted:
        """`unfenced`: why the statement could still come."""
        history = say.history_too_old() if seen.too_old else say.seen_history(seen.statuses, seen.full_page)
        lines = filter(None, (history, say.seen_prod(seen.prod_moved), unfenced))
        return Doubted(at=self._services.clock(), problem=Problem(kind="doubt", text=say.doubt(tuple(lines))))

    def _is_replacement(self, row: HistoryRow, prod: Relation) -> bool:
        head = " ".join(row.text.upper().split()[:3])
        return head == "CREATE OR REPLACE" and prod.sql in row.text

    def fenced(self, refresh: Refresh, attempt: int | str, alive: Alive | None = None) -> Refresh:
        """What the statement would clone gets a name of this `attempt`; the row goes on with that, once it is recorded.

        Raises Unfenced, and what the warehouse raises: nothing is fenced for certain then.
        """
        fence = self._fenced_undo if refresh.undo_request else self._fenced_promotion
        return fence(refresh, attempt, alive)

    def fenced_if_possible(self, refresh: Refresh, lease: Lease) -> tuple[Refresh, str]:
        """As `fenced`, or the refresh as it is with the reason: what has happened can be seen without a fence too."""
        try:
            return self.fenced(refresh, lease.claim.fence, lease.check), ""
        except (Unfenced, SqlError) as error:
            return refresh, error.user_text

    def _fenced_undo(self, refresh: Refresh, attempt: int | str, alive: Alive | None) -> Refresh:
        """The promoter renames the backup."""
        services, undo, promotion = self._services, refresh.undo, refresh.promotion
        assert undo is not None and undo.backup is not None and promotion is not None
        schema = services.settings.warehouse.backup_schema
        name = names.backup(refresh, schema, services.store.installation, attempt)
        with services.warehouse.promoter(self._fence_tag(refresh), alive=alive) as session:
            backup = self._renamed(session, refresh, "backup", undo.backup, name, alive)
        undo = replace(undo, source=backup.relation, backup=backup)
        return replace(refresh, undo=undo, promotion=replace(promotion, backup=backup))

    def _fenced_promotion(self, refresh: Refresh, attempt: int | str, alive: Alive | None) -> Refresh:
        """The builder renames the candidate."""
        services, candidate = self._services, refresh.candidate
        assert candidate is not None
        name = names.candidate(refresh, services.store.installation, attempt)
        with services.warehouse.builder(self._fence_tag(refresh), alive=alive) as session:
            renamed = self._renamed(session, refresh, "candidate", candidate, name, alive)
        return replace(refresh, candidate=renamed)

    def _fence_tag(self, refresh: Refresh) -> str:
        return names.tag(refresh, self._services.store.installation, "fence")

    def _renamed(
        self, session: Session, refresh: Refresh, kind: str, frozen: Snapshot, name: Relation, alive: Alive | None
    ) -> Snapshot:
        """Under `name` from here on, kept as long as before; as it is when nobody sees it any more."""
        store = self._services.store
        current = self.found(session, refresh, kind, frozen)
        if current is None:
            self._make_sure_it_is_gone(refresh, kind, frozen, session.role(), alive)
            return frozen
        if current != name:
            keep = next((o.keep_until for o in store.objects(refresh.id) if o.relation == current), None)
            store.record_object(name, kind, refresh.id, keep)
            session.rename(current, name)
            store.forget_object(current)
        return replace(frozen, relation=name)

    def _make_sure_it_is_gone(
        self, refresh: Refresh, kind: str, frozen: Snapshot, role: str, alive: Alive | None
    ) -> None:
        """Not seen is not gone: an administrator may have given it to somebody else. The other user is asked too."""
        warehouse = self._services.warehouse
        other = warehouse.promoter if kind == "candidate" else warehouse.builder
        with other(self._fence_tag(refresh), alive=alive) as session:
            current = self.found(session, refresh, kind, frozen)
            if current is not None:
                raise Unfenced(say.not_fenced(current, session.owner(current), role), f"{current} not seen by {role}")

    def with_candidate(self, session: Session, refresh: Refresh) -> Refresh:
        """The refresh with its candidate under the name that it has now, where it is still there."""
        frozen = refresh.candidate
        current = self.found(session, refresh, "candidate", frozen) if frozen else None
        if frozen is None or current is None:
            return refresh
        return replace(refresh, candidate=replace(frozen, relation=current))

    def found(self, session: Session, refresh: Refresh, kind: str, frozen: Snapshot) -> Relation | None:
        """Where a candidate or backup is now. A fence whose work was lost may have renamed it: known by its content."""
        if session.exists(frozen.relation):
            return frozen.relation
        others = [o.relation for o in self._services.store.objects(refresh.id) if o.kind == kind]
        return next((r for r in others if session.exists(r) and session.content(r) == frozen.content), None)
