"""The step `checking`: compare candidate and baseline, and put the result before the people who decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot import comparison, freezing, guards, names, promotion, report, safety, upstream
from bot.decisions import carried
from bot.errors import Cancelled, RefreshError
from bot.events import BaselineTaken, Checked, Withdrawn
from bot.leases import Lease
from bot.model import Finding, Refresh, Relation
from bot.services import Services
from bot.session import Session
from bot.wording import failures as say


class Checking:
    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, refresh: Refresh, lease: Lease) -> Refresh:
        """checking -> awaiting. A re-check comes without a baseline and takes a fresh one."""
        services = self._services
        tag = names.tag(refresh, services.store.installation, "check")
        with services.warehouse.builder(tag, refresh.request.warehouse, alive=lease.stay) as session:
            if refresh.baseline is None:
                baseline = freezing.baseline(services, refresh, session, lease.claim.fence)
                event = BaselineTaken(at=services.clock(), baseline=baseline)
                refresh = services.record(refresh, event, claim=lease.claim)
            found = comparison.compare(
                session, refresh, services.settings, _obedient(lease), self._safety(refresh, session, lease)
            )
            schema, installation = services.settings.warehouse.backup_schema, services.store.installation
            backup = names.backup(refresh, schema, installation, lease.claim.fence)
            services.store.record_object(backup, "backup", refresh.id)
            statements = promotion.statements(refresh, schema, installation, lease.claim.fence)
            considered = replace(carried(refresh, found), statements=statements)
            checked = Checked(
                at=services.clock(),
                report=found,
                statements=statements,
                digest=report.digest(considered, statements),
                expires_at=services.expiry(),
            )
            refresh = services.record(refresh, checked, claim=lease.claim)
            seen = guards.look(session, refresh, services.clock())
            if seen.problem:
                event = Withdrawn(at=services.clock(), problem=seen.problem, expires_at=services.expiry())
                refresh = services.record(refresh, event)
        return refresh

    def _safety(self, refresh: Refresh, session: Session, lease: Lease) -> list[Finding]:
        """Prod as its owner sees it, who sees most; the candidate as the builder does."""
        assert refresh.plan is not None and refresh.baseline is not None and refresh.candidate is not None
        tag = names.tag(refresh, self._services.store.installation, "check")
        with self._services.warehouse.promoter(tag, alive=lease.stay) as promoter:
            prod = promoter.table(refresh.prod)
            above = upstream.look(promoter, map(Relation.parse, refresh.plan.parents))
        above = replace(
            above, filtered=upstream.filtered(session, above.reached), hidden=upstream.hidden(refresh.baseline)
        )
        candidate = session.table(refresh.candidate.relation, alone=True)
        if candidate is None:
            raise RefreshError(say.candidate_gone(refresh.candidate.relation))
        return safety.findings(refresh.plan, prod, candidate, above, self._services.settings, session.available_roles())


def _obedient(lease: Lease) -> Callable[[str, float | None], None]:
    """Progress that stops the comparison between two statements when somebody cancels. Raises Cancelled."""

    def progress(text: str, share: float | None) -> None:
        lease.progress(text, share)
        if lease.cancelled():
            raise Cancelled(say.cancelled())

    return progress
