"""Undo: one atomic clone of the backup over production, with the same intent, tag and look as a promotion."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace

from bot import guards, names, queries
from bot.decisions import STATEMENT_REFUSED
from bot.errors import InDoubt
from bot.events import Doubted, UndoIntended, Undone, UndoRefused
from bot.leases import Lease
from bot.model import Problem, Promotion, Refresh, Snapshot, Table
from bot.recovery import Fate, Recovery, decide
from bot.services import Services
from bot.session import Session, SqlError
from bot.wording import production as say


class Undoing:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._recovery = Recovery(services)

    def run(self, refresh: Refresh, lease: Lease) -> Refresh:
        """undoing -> undone, back to where it was when refused, or needs_attention when in doubt."""
        return self._attempt(refresh, lease) if refresh.undo is None else self._look(refresh, lease)

    def _attempt(self, refresh: Refresh, lease: Lease) -> Refresh:
        services, promotion = self._services, refresh.promotion
        assert promotion is not None and refresh.undo_request is not None
        attempt = uuid.uuid4().hex
        tag = names.tag(refresh, services.store.installation, "undo", attempt)
        with services.warehouse.promoter(tag, alive=lease.check) as session:
            refresh, promotion = self._with_backup(session, refresh, promotion)
            prod = session.table(refresh.prod)  # many statements, so before the look at what was written
            if refused := self._refused(session, refresh, promotion, prod):
                return self._record(refresh, UndoRefused(at=services.clock(), problem=refused), lease)
            assert prod is not None
            intent = self._intent(session, refresh, promotion, prod, attempt, tag)
            refresh = self._record(refresh, UndoIntended(at=services.clock(), undo=intent), lease)
            lease.check()
            return self._send(session, refresh, intent, lease)

    def _with_backup(self, session: Session, refresh: Refresh, promotion: Promotion) -> tuple[Refresh, Promotion]:
        """The backup under the name that it has now, where there still is one."""
        backup = promotion.backup
        current = self._recovery.found(session, refresh, "backup", backup) if backup else None
        if backup is None or current is None or current == backup.relation:
            return refresh, promotion
        promotion = replace(promotion, backup=replace(backup, relation=current))
        return replace(refresh, promotion=promotion), promotion

    def _refused(self, session: Session, refresh: Refresh, promotion: Promotion, prod: Table | None) -> Problem | None:
        """Why not: no backup any more, or somebody wrote to it, or prod moved since and nobody forced it."""
        backup, request = promotion.backup, refresh.undo_request
        if backup is None or not session.exists(backup.relation):
            return Problem(kind="undo refused", text=say.backup_gone(backup.relation if backup else None))
        if guards.moved(session, backup):
            return Problem(kind="undo refused", text=say.backup_changed(backup.relation))
        if prod is None:
            return Problem(kind="undo refused", text=say.prod_gone(refresh.prod))
        if request is None or request.forced:
            return None
        if broken := say.would_break(promotion.before, prod):
            return Problem(kind="undo refused: moved", text=say.undo_would_break(refresh, broken))
        after: Snapshot | None = promotion.after  # none where the verification could not run
        if after is not None and session.token(refresh.prod) == after.token:
            return None
        assert refresh.candidate is not None
        then, now = (after or refresh.candidate).content, session.content(refresh.prod)
        if now == then:
            return None
        text = say.undo_would_lose(refresh, then, now, self._services.clock())
        return Problem(kind="undo refused: moved", text=text)

    def _intent(
        self, session: Session, refresh: Refresh, promotion: Promotion, prod: Table, attempt: str, tag: str
    ) -> Promotion:
        token = session.token(refresh.prod)
        assert token is not None and promotion.backup is not None
        before = replace(prod, kind=promotion.before.kind, reclustering=promotion.before.reclustering)
        return Promotion(
            attempt=attempt,
            tag=tag,
            source=promotion.backup.relation,
            prod_token=token,
            before=before,
            statements=queries.promotion(before, promotion.backup.relation, None),
            intended_at=self._services.clock(),
            backup=promotion.backup,
        )

    def _send(self, session: Session, refresh: Refresh, intent: Promotion, lease: Lease) -> Refresh:
        services = self._services
        try:
            session.send(intent.statements[0])
        except InDoubt:
            raise  # stays `undoing` with its intent: the next claim fences and looks
        except SqlError as error:
            problem = Problem(kind=STATEMENT_REFUSED, text=say.refused_statement(error.detail), detail=error.detail)
            return self._record(refresh, Doubted(at=services.clock(), problem=problem), lease)
        return self._sent(session, refresh, intent, lease)

    def _sent(self, session: Session, refresh: Refresh, intent: Promotion, lease: Lease) -> Refresh:
        """Production is the backup now; a clone suspends clustering. Whether that goes on is seen in its table."""
        with suppress(SqlError, InDoubt):
            for statement in intent.statements[1:]:
                session.send(statement)
        sent_at = intent.sent_at or self._services.clock()
        done = replace(intent, query_ids=tuple(filter(None, session.query_ids)), sent_at=sent_at)
        return self._finished(refresh, replace(done, after=session.snapshot(refresh.prod)), lease)

    def _look(self, refresh: Refresh, lease: Lease) -> Refresh:
        """After a crash or a lost answer, as for a promotion: fence, look, and decide or ask."""
        services = self._services
        fenced, unfenced = self._recovery.fenced_if_possible(refresh, lease)
        intent = fenced.undo
        assert intent is not None
        with services.warehouse.promoter(f"{intent.tag}:look", alive=lease.check) as session:
            seen = self._recovery.evidence(session, intent, refresh.prod)
            fate, auto = decide(seen), services.settings.policy.recovery == "auto"
            if fate is Fate.HAPPENED:
                return self._sent(session, fenced, intent, lease)
        if fate is Fate.RUNNING or (auto and seen.too_early):
            return refresh
        if fate is Fate.NOT_SENT and auto and not unfenced:
            return self._attempt(fenced, lease)
        return self._record(fenced, self._recovery.doubt(seen, unfenced), lease)

    def _finished(self, refresh: Refresh, done: Promotion, lease: Lease) -> Refresh:
        """Undone only when prod equals the backup; anything else is for a person."""
        services = self._services
        if done.after is None or done.backup is None or done.after.content != done.backup.content:
            problem = Problem(kind="doubt", text=say.doubt((say.not_the_backup(),)))
            return self._record(refresh, Doubted(at=services.clock(), problem=problem), lease)
        services.store.note_change(refresh.prod, services.clock())
        return self._record(refresh, Undone(at=services.clock(), undo=done), lease)

    def _record(self, refresh: Refresh, event: UndoRefused | UndoIntended | Undone | Doubted, lease: Lease) -> Refresh:
        return self._services.record(refresh, event, claim=lease.claim)
