"""Freezing tables for a refresh: the baseline from production, the candidate from dev (design sections 2.3 and 2.5)."""

from __future__ import annotations

from datetime import datetime

from bot import names, provenance
from bot.errors import BuildFailed, RefreshError
from bot.model import Build, Kind, Refresh, Snapshot, Token
from bot.provenance import Start
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


def dev_from_baseline(services: Services, refresh: Refresh, session: Session, frozen: Snapshot) -> Token | None:
    """A backfill merges into current production rows: dev starts as a clone of the baseline. Its token."""
    services.store.record_object(refresh.dev, "dev", refresh.id)
    session.clone(frozen.relation, refresh.dev, frozen.kind, replace=True)
    return session.token(refresh.dev)


def clear_dev(services: Services, refresh: Refresh, session: Session) -> None:
    """A full refresh starts from nothing, so that no earlier build can be taken for this one."""
    services.store.record_object(refresh.dev, "dev", refresh.id)
    if session.exists(refresh.dev):
        session.drop(refresh.dev)


def take_dev(services: Services, refresh: Refresh, session: Session) -> None:
    """Keep other installations from building in the same dev table. Raises BuildFailed while one of them does.

    A marker of our own is of a predecessor that died: only one refresh of an installation builds there.
    """
    own, marker, holder = services.store.installation, names.lock(refresh), ""
    session.ensure_dev_schema(marker, services.settings.warehouse.promoter.role)
    for _ in range(_TRIES):
        holder = session.lock(marker, f"{own}:{refresh.ref}")
        if holder.partition(":")[0] == own:
            return
        if holder:
            break
    raise BuildFailed(say.dev_taken(refresh.dev, marker, holder))


def candidate(
    services: Services, refresh: Refresh, session: Session, build: Build, start: Start, attempt: int
) -> Snapshot:
    """Rename dev, so that no model-named table is left behind, keep all but its owner from it, let the promoter read it.

    May be called again for the same attempt: only its own rename makes a table of that name. Raises BuildFailed when
    dbt left nothing there or a kind that can never become prod's, and when what stands there is not known to be what
    dbt built.
    """
    assert refresh.plan is not None and refresh.baseline is not None
    frozen = names.candidate(refresh, services.store.installation, attempt)
    if (now := session.token(refresh.dev)) is not None:
        since = datetime.fromisoformat(refresh.baseline.token.created)
        ran = session.times(build.query_ids, since, refresh.dev.database)
        if detail := provenance.problem(build, start, now, ran):
            raise BuildFailed(say.not_what_was_built(refresh.dev), detail)
        services.store.record_object(frozen, "candidate", refresh.id)
        session.rename(refresh.dev, frozen)
    elif not session.exists(frozen):
        raise BuildFailed(say.dev_not_there(refresh.dev))
    services.store.forget_object(refresh.dev)
    session.only_for_owner(frozen, services.settings.warehouse.promoter.role)
    taken, prod_kind = session.snapshot(frozen), refresh.plan.prod.kind
    if detail := provenance.problem_after_rename(build, taken.token):
        raise BuildFailed(say.not_what_was_built(refresh.dev), detail)
    if taken.kind is Kind.TRANSIENT and prod_kind is Kind.PERMANENT:
        raise BuildFailed(say.candidate_kind(taken.kind, prod_kind))
    return taken
