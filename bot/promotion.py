"""Steps from `approved` to `done`: guard, backup, intent, the one statement, verification (design section 5).

At most once: the intent is committed before the statement is sent, and a promotion whose outcome is not known is
never repeated blindly; `recovery.py` looks and decides.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace

from bot import guards, identity, names, queries, report, verification
from bot.decisions import STATEMENT_REFUSED
from bot.errors import InDoubt
from bot.events import (
    ApprovalsLapsed,
    Doubted,
    Expired,
    Noted,
    Promoted,
    PromotionIntended,
    Verified,
    Withdrawn,
)
from bot.leases import Lease
from bot.losses import count
from bot.model import Content, Finding, Loss, Problem, Promotion, Refresh, Relation, Snapshot, State, Table
from bot.reconcile import Reconciliation
from bot.recovery import Fate, Recovery
from bot.services import Services
from bot.session import ReadFailed, Session, SqlError, Unreachable
from bot.store import Held, Object
from bot.wording import production as say
from bot.wording.text import sentences


def statements(refresh: Refresh, schema: str, installation: str, attempt: int) -> tuple[str, ...]:
    """The approved list of a refresh whose candidate is frozen: shown in full before the click, sent letter by letter."""
    assert refresh.plan is not None and refresh.candidate is not None
    backup = names.backup(refresh, schema, installation, attempt)
    return queries.promotion(refresh.plan.prod, refresh.candidate.relation, backup)


def _on_hold(refresh: Refresh) -> Problem:
    return Problem(kind=guards.RECHECK, text=say.on_hold(refresh.name))


class Promoting:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._recovery = Recovery(services)
        self._reconciliation = Reconciliation(services.store, services.settings.warehouse)

    def approved(self, refresh: Refresh, lease: Lease) -> Refresh:
        """approved -> verifying, or stale when anything is no longer as approved."""
        services = self._services
        if self._too_late(refresh):
            return services.record(refresh, Expired(at=services.clock()), claim=lease.claim)
        attempt = uuid.uuid4().hex
        tag = names.tag(refresh, services.store.installation, "promote", attempt)
        with services.warehouse.promoter(tag, alive=lease.check) as session:
            prod, problem = self._still_as_approved(session, refresh)
            if prod is None or problem is not None:
                return self._withdraw(refresh, lease, problem or Problem(kind=guards.REBUILD, text=""))
            backup = self._back_up(session, refresh, prod, attempt)
            if isinstance(backup, Problem):
                return self._withdraw(refresh, lease, backup)
            if ended := self._no_longer_approved(refresh):
                return services.record(refresh, ended, claim=lease.claim)
            promotion = self._intent(session, refresh, prod, backup, attempt, tag)
            if isinstance(promotion, Problem):
                return self._withdraw(refresh, lease, promotion)
            intended = self._intended(refresh, promotion, lease)
            if isinstance(intended, Problem):
                return self._withdraw(refresh, lease, intended)
            return self._send(session, intended, promotion, lease)

    def promoting(self, refresh: Refresh, lease: Lease) -> Refresh:
        """A predecessor died or lost the reply after the intent: fence, look, decide."""
        looked, fate = self._recovery.promotion(refresh, lease)
        if fate is Fate.NOT_SENT and looked.state is State.PROMOTING:
            return self._send_again(looked, lease)
        return looked

    def verifying(self, refresh: Refresh, lease: Lease) -> Refresh:
        """verifying -> done or faulty; may be repeated."""
        services, promotion = self._services, refresh.promotion
        assert promotion is not None and refresh.candidate is not None
        with services.warehouse.promoter(promotion.tag, alive=lease.check) as session:
            self._resume_clustering(session, refresh.prod, promotion)
            after = session.snapshot(refresh.prod)  # first, so that Undo sees whatever is written from here on
            findings = verification.verify(session, refresh, promotion, after.content)
            problem = self._what_is_wrong(session, refresh, findings)
            loss = self._loss(session, refresh, promotion, after.content)
            query_ids = (*promotion.query_ids, *session.query_ids)
        verified = replace(promotion, findings=findings, after=after, query_ids=tuple(filter(None, query_ids)))
        services.store.note_change(refresh.prod, services.clock())
        event = Verified(at=services.clock(), promotion=verified, problem=problem, loss=loss)
        return services.record(refresh, event, claim=lease.claim)

    def _loss(self, session: Session, refresh: Refresh, promotion: Promotion, after: Content) -> Loss | None:
        """What an undo would take along where others wrote already; what cannot be counted now is counted at the undo."""
        assert refresh.candidate is not None
        if promotion.backup is None or after == refresh.candidate.content:
            return None
        with suppress(SqlError, ReadFailed):
            found = self._recovery.with_candidate(session, refresh)
            return count(session, found, promotion.backup, refresh.prod)
        return None

    def _send_again(self, refresh: Refresh, lease: Lease) -> Refresh:
        """A new attempt, under a tag of its own: the first is proven absent, and fenced so that it cannot come late."""
        services, first = self._services, refresh.promotion
        assert first is not None and refresh.candidate is not None and first.backup is not None
        attempt = uuid.uuid4().hex
        tag = names.tag(refresh, services.store.installation, "promote", attempt)
        with services.warehouse.promoter(tag, alive=lease.check) as session:
            prod, problem = self._still_as_approved(session, refresh)
            if problem is None and self._no_longer_approved(refresh):
                problem = Problem(kind=guards.RECHECK, text=say.approvals_lapsed())
            if prod is None or problem is not None:
                intent = problem or Problem(kind=guards.REBUILD, text=say.prod_gone(refresh.prod))
            else:
                intent = self._intent(session, refresh, prod, first.backup, attempt, tag)
            if isinstance(intent, Promotion):
                again = queries.promotion(first.before, refresh.candidate.relation, first.backup.relation)
                intent = replace(intent, statements=again)
                intended = self._intended(refresh, intent, lease)
                if isinstance(intended, Refresh):
                    return self._send(session, intended, intent, lease)
                intent = intended
            return services.record(refresh, Doubted(at=services.clock(), problem=intent), claim=lease.claim)

    # What stands between the approval and the statement

    def _too_late(self, refresh: Refresh) -> bool:
        return refresh.expires_at is not None and self._services.clock() >= refresh.expires_at

    def _no_longer_approved(self, refresh: Refresh) -> ApprovalsLapsed | Expired | None:
        """What people and time have done to the approvals since they were given. Raises SlackAway."""
        if self._too_late(refresh):
            return Expired(at=self._services.clock())
        lapsed = identity.lapsed(self._services, refresh)
        return ApprovalsLapsed(at=self._services.clock(), lapsed=lapsed) if lapsed else None

    def _still_as_approved(self, session: Session, refresh: Refresh) -> tuple[Table | None, Problem | None]:
        """The table as it is now, and what is no longer as it was approved."""
        plan = refresh.plan
        assert plan is not None
        if self._services.store.held(refresh.unique_id):
            return None, _on_hold(refresh)
        if unknown := self._reconciliation.before_promotion(session, refresh, self._services.clock()):
            return None, Problem(kind=guards.way_on(session, refresh, self._services.clock()), text=unknown)
        seen = guards.look(session, refresh, self._services.clock())
        if seen.problem:
            return None, seen.problem
        if seen.note:
            self._services.record(refresh, Noted(at=self._services.clock(), text=seen.note))
        prod = session.table(refresh.prod)
        if prod is None:
            return None, Problem(kind=guards.REBUILD, text=say.prod_gone(refresh.prod))
        if changed := say.changes(plan.prod, prod):
            return prod, Problem(kind=guards.REBUILD, text=say.shape_changed(changed))
        if hidden := say.unseen(plan.prod, prod):
            return prod, Problem(kind=guards.REBUILD, text=say.no_longer_seen(hidden))
        role = session.role()
        if prod.owner != role:
            return prod, Problem(kind=guards.REBUILD, text=say.not_owner(refresh.prod, prod.owner, role))
        if report.digest(refresh, refresh.statements) != refresh.digest:
            return prod, Problem(kind=guards.RECHECK, text=say.digest_changed())
        return prod, None

    def _back_up(self, session: Session, refresh: Refresh, prod: Table, attempt: str) -> Snapshot | Problem:
        """Take the backup, first on the approved list; one of an attempt that is known here is used when it holds the same."""
        services = self._services
        made = self._backup(refresh)
        backup, there = made.relation, session.exists(made.relation)
        if there and not made.attempts:
            return Problem(kind=guards.REBUILD, text=say.backup_unknown(backup))
        keep_until = services.clock() + services.settings.warehouse.keep_backup
        services.store.record_object(backup, "backup", refresh.id, keep_until, (attempt,))
        if not there:
            session.send(refresh.statements[0])
        taken = session.snapshot(backup)
        if session.content(prod.relation) != taken.content or taken.kind is not prod.kind:
            return Problem(kind=guards.REBUILD, text=say.backup_taken(backup))
        return taken

    def _intent(
        self, session: Session, refresh: Refresh, prod: Table, backup: Snapshot, attempt: str, tag: str
    ) -> Promotion | Problem:
        """Prod's token once more, right before: whatever came since the guard is seen here."""
        silent = verification.silent(session, refresh, prod)
        token = session.token(refresh.prod)
        seen = guards.look(session, refresh, self._services.clock())
        if seen.problem or token is None:
            return seen.problem or Problem(kind=guards.REBUILD, text=say.prod_gone(refresh.prod))
        assert refresh.candidate is not None
        return Promotion(
            attempt=attempt,
            tag=tag,
            source=refresh.candidate.relation,
            prod_token=token,
            before=prod,
            silent=silent,
            statements=refresh.statements,
            intended_at=self._services.clock(),
            warehouse_at=session.now(),
            backup=backup,
        )

    def _intended(self, refresh: Refresh, promotion: Promotion, lease: Lease) -> Refresh | Problem:
        """Commit the intent, unless there is a hold by then: from here on only evidence moves the refresh on."""
        event = PromotionIntended(at=self._services.clock(), promotion=promotion)
        try:
            refresh = self._services.record(refresh, event, claim=lease.claim, unless_held=True)
        except Held:
            return _on_hold(refresh)
        lease.check()
        return refresh

    def _send(self, session: Session, refresh: Refresh, promotion: Promotion, lease: Lease) -> Refresh:
        services = self._services
        replace_prod = promotion.statements[1]
        try:
            session.send(replace_prod)
        except InDoubt:
            raise  # stays `promoting`: the next claim fences and looks
        except SqlError as error:
            problem = Problem(kind=STATEMENT_REFUSED, text=say.refused_statement(error.detail), detail=error.detail)
            return services.record(refresh, Doubted(at=services.clock(), problem=problem), claim=lease.claim)
        sent = replace(promotion, query_ids=tuple(filter(None, session.query_ids)), sent_at=services.clock())
        return services.record(refresh, Promoted(at=services.clock(), promotion=sent), claim=lease.claim)

    def _resume_clustering(self, session: Session, prod: Relation, promotion: Promotion) -> None:
        """The rest of the approved list, once: a clone always suspends clustering. Verification says whether it goes on."""
        if not promotion.before.reclustering:
            return
        now = session.table(prod, alone=True)
        if now is not None and not now.reclustering:
            with suppress(SqlError, InDoubt):
                for statement in promotion.statements[2:]:
                    session.send(statement)

    def _backup(self, refresh: Refresh) -> Object:
        """By the name in the first approved statement; it is recorded when the statements are made."""
        made = [o for o in self._services.store.objects(refresh.id) if o.kind == "backup"]
        return next(o for o in made if o.relation.sql in refresh.statements[0])

    def _what_is_wrong(self, session: Session, refresh: Refresh, findings: tuple[Finding, ...]) -> Problem | None:
        """An undo that this database has forgotten explains why production is not what was promoted."""
        problem = verification.problem(findings)
        if problem is None:
            return None
        with suppress(SqlError, ReadFailed, Unreachable):  # what is wrong is known without it
            unknown = self._reconciliation.before_undo(session, refresh, self._services.clock())
            return replace(problem, text=sentences(problem.text, unknown))
        return problem

    def _withdraw(self, refresh: Refresh, lease: Lease, problem: Problem) -> Refresh:
        services = self._services
        event = Withdrawn(at=services.clock(), problem=problem, expires_at=services.expiry())
        return services.record(refresh, event, claim=lease.claim)
