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
from bot.losses import count
from bot.model import Content, Loss, Problem, Promotion, Refresh, Relation, Snapshot, Table, Token, UndoRequest
from bot.reconcile import Reconciliation
from bot.recovery import Fate, Recovery, decide
from bot.services import Services
from bot.session import ReadFailed, Session, SqlError, Unreachable
from bot.store import BEFORE_UNDO
from bot.wording import production as say


class Undoing:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._recovery = Recovery(services)
        self._reconciliation = Reconciliation(services.store, services.settings.warehouse)

    def run(self, refresh: Refresh, lease: Lease) -> Refresh:
        """undoing -> undone, back to where it was when refused, or needs_attention when in doubt."""
        return self._attempt(refresh, lease) if refresh.undo is None else self._look(refresh, lease)

    def _attempt(self, refresh: Refresh, lease: Lease) -> Refresh:
        """Send it, unless it would lose what nobody has agreed to lose; that is looked at until right before."""
        services, promotion, request = self._services, refresh.promotion, refresh.undo_request
        candidate = refresh.candidate
        assert promotion is not None and request is not None and candidate is not None
        attempt = uuid.uuid4().hex
        tag = names.tag(refresh, services.store.installation, "undo", attempt)
        with services.warehouse.promoter(tag, alive=lease.check) as session:
            if unknown := self._reconciliation.before_undo(session, refresh, services.clock()):
                refusal = Problem(kind="undo refused", text=unknown)
                return self._record(refresh, UndoRefused(at=services.clock(), problem=refusal), lease)
            refresh = self._recovery.with_candidate(session, refresh)
            refresh, promotion = self._with_backup(session, refresh, promotion)
            prod = session.table(refresh.prod)  # many statements, so before the look at what was written
            if impossible := self._impossible(session, promotion, refresh.prod, prod):
                return self._record(refresh, self._refusal("undo refused", impossible), lease)
            assert prod is not None and promotion.backup is not None
            breaks = tuple(say.would_break(promotion.before, prod))
            kept = self._keep(session, refresh, prod, lease) if request.forced else None
            loss = count(session, refresh, promotion.backup, kept.relation, breaks) if kept else None
            expected = kept.content if kept else candidate.content
            token = _token_of(session, refresh.prod, expected)
            if token is None or not _agreed(request, loss, breaks):
                return self._record(refresh, self._would_lose(session, refresh, promotion.backup, breaks), lease)
            intent = replace(
                self._intent(refresh, promotion.backup, prod, token, attempt, tag), warehouse_at=session.now()
            )
            intent = replace(intent, kept=kept, loss=loss)
            refresh = self._record(refresh, UndoIntended(at=services.clock(), undo=intent), lease)
            lease.check()
            try:
                if _token_of(session, refresh.prod, expected, token) is None:
                    return self._record(refresh, self._would_lose(session, refresh, promotion.backup, breaks), lease)
            except (SqlError, ReadFailed, Unreachable) as error:  # nothing was sent, so this is no doubt
                return self._record(refresh, self._refusal("undo refused", error.user_text), lease)
            return self._send(session, refresh, intent, lease)

    def _with_backup(self, session: Session, refresh: Refresh, promotion: Promotion) -> tuple[Refresh, Promotion]:
        """The backup under the name that it has now, where there still is one."""
        backup = promotion.backup
        current = self._recovery.found(session, refresh, "backup", backup) if backup else None
        if backup is None or current is None or current == backup.relation:
            return refresh, promotion
        promotion = replace(promotion, backup=replace(backup, relation=current))
        return replace(refresh, promotion=promotion), promotion

    def _impossible(self, session: Session, promotion: Promotion, name: Relation, prod: Table | None) -> str:
        """Why it cannot be done, whoever wants it."""
        backup = promotion.backup
        if backup is None or not session.exists(backup.relation):
            return say.backup_gone(backup.relation if backup else None)
        if guards.moved(session, backup):
            return say.backup_changed(backup.relation)
        return say.prod_gone(name) if prod is None else ""

    def _keep(self, session: Session, refresh: Refresh, prod: Table, lease: Lease) -> Snapshot:
        """Back production up as it is: what others wrote there is counted in this copy, and can be brought back from it."""
        services = self._services
        schema = services.settings.warehouse.backup_schema
        copy = names.before_undo(refresh, schema, services.store.installation, lease.claim.fence)
        keep_until = services.clock() + services.settings.warehouse.keep_backup
        services.store.record_object(copy, BEFORE_UNDO, refresh.id, keep_until)
        session.clone(prod.relation, copy, prod.kind)
        return session.snapshot(copy)

    def _would_lose(self, session: Session, refresh: Refresh, backup: Snapshot, breaks: tuple[str, ...]) -> UndoRefused:
        """Refused, with what it would take along as it is counted now: the next press can agree to that."""
        loss, request = count(session, refresh, backup, refresh.prod, breaks), refresh.undo_request
        agreed = request.loss if request else None
        assert refresh.candidate is not None
        lines = [say.undo_would_lose(refresh, refresh.candidate.content, loss, self._services.clock())]
        lines += [say.undo_more_than_agreed(agreed)] if agreed else []
        lines += [say.undo_would_break(refresh, breaks)] if breaks else []
        return self._refusal("undo refused: moved", " ".join(filter(None, lines)), loss)

    def _refusal(self, kind: str, text: str, loss: Loss | None = None) -> UndoRefused:
        return UndoRefused(at=self._services.clock(), problem=Problem(kind=kind, text=text), loss=loss)

    def _intent(
        self, refresh: Refresh, backup: Snapshot, prod: Table, token: Token, attempt: str, tag: str
    ) -> Promotion:
        assert refresh.promotion is not None
        first = refresh.promotion.before
        before = replace(prod, kind=first.kind, reclustering=first.reclustering)
        return Promotion(
            attempt=attempt,
            tag=tag,
            source=backup.relation,
            prod_token=token,
            before=before,
            statements=queries.promotion(before, backup.relation, None),
            intended_at=self._services.clock(),
            backup=backup,
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
        if done.kept:  # what others wrote is that without the candidate's rows
            until = services.clock() + services.settings.warehouse.keep_backup
            services.store.keep_objects(refresh.id, until, ("candidate",))
        return self._record(refresh, Undone(at=services.clock(), undo=done), lease)

    def _record(self, refresh: Refresh, event: UndoRefused | UndoIntended | Undone | Doubted, lease: Lease) -> Refresh:
        return self._services.record(refresh, event, claim=lease.claim)


def _agreed(request: UndoRequest, loss: Loss | None, breaks: tuple[str, ...]) -> bool:
    """Whether the person has seen all that is lost: nothing may be where nothing was named."""
    if loss is None:
        return not breaks
    return request.loss is not None and request.loss.covers(loss)


def _token_of(session: Session, prod: Relation, expected: Content, known: Token | None = None) -> Token | None:
    """The change marker under which production holds just `expected`; None when it holds something else or is gone.

    Under the marker `known` it did. The last statement sent reads the marker, so a write before that is seen.
    """
    while (now := session.token(prod)) != known:
        if now is None or session.content(prod) != expected:
            return None
        known = now
    return known
