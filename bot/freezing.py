"""Freezing tables for a refresh: the baseline from production, the candidate from dev (design sections 2.3 and 2.5)."""

from __future__ import annotations

from bot import names
from bot.errors import BuildFailed, RefreshError
from bot.model import Kind, Refresh, Snapshot
from bot.services import Services
from bot.session import Session
from bot.wording import failures as say

_TRIES = 3  # prod may be written to while it is cloned


def baseline(services: Services, refresh: Refresh, session: Session, attempt: int) -> Snapshot:
    """Clone prod in its own kind, with prod's token equal before and after. Raises RefreshError after three tries."""
    frozen = names.baseline(refresh, services.store.installation, attempt)
    session.ensure_dev_schema(frozen, services.settings.warehouse.promoter.role)
    services.store.record_object(frozen, "baseline", refresh.id)
    for _ in range(_TRIES):
        before = session.token(refresh.prod)
        if before is None:
            break
        if session.exists(frozen):  # of a predecessor that died, or of a try that prod outran
            session.drop(frozen)
        session.clone(refresh.prod, frozen, before.kind)
        if session.token(refresh.prod) == before:
            return session.snapshot(frozen, prod_token=before)
    raise RefreshError(say.no_baseline(refresh.prod, _TRIES))


def dev_from_baseline(services: Services, refresh: Refresh, session: Session, frozen: Snapshot) -> None:
    """A backfill merges into current production rows: dev starts as a clone of the baseline."""
    services.store.record_object(refresh.dev, "dev", refresh.id)
    session.clone(frozen.relation, refresh.dev, frozen.kind, replace=True)


def clear_dev(services: Services, refresh: Refresh, session: Session) -> None:
    """A full refresh starts from nothing, so that no earlier build can be taken for this one."""
    services.store.record_object(refresh.dev, "dev", refresh.id)
    if session.exists(refresh.dev):
        session.drop(refresh.dev)


def candidate(services: Services, refresh: Refresh, session: Session, prod_kind: Kind, attempt: int) -> Snapshot:
    """Rename dev, so that no model-named table is left behind, and let the promoter read it.

    May be called again for the same attempt: only its own rename makes a table of that name. Raises BuildFailed when
    dbt left nothing there or a kind that can never become prod's.
    """
    frozen = names.candidate(refresh, services.store.installation, attempt)
    if session.exists(refresh.dev):
        services.store.record_object(frozen, "candidate", refresh.id)
        session.rename(refresh.dev, frozen)
    elif not session.exists(frozen):
        raise BuildFailed(say.dev_not_there(refresh.dev))
    services.store.forget_object(refresh.dev)
    session.grant_select(frozen, services.settings.warehouse.promoter.role)
    taken = session.snapshot(frozen)
    if taken.kind is Kind.TRANSIENT and prod_kind is Kind.PERMANENT:
        raise BuildFailed(say.candidate_kind(taken.kind, prod_kind))
    return taken
