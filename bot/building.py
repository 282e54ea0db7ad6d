"""The step `building`: resolve and plan, freeze the baseline, build with dbt, freeze the candidate.

Repeated from the start when a worker dies in the middle: names carry the claim's number, prod is only read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from bot import freezing, names, planning
from bot.dbt_build import DbtChild
from bot.errors import BuildFailed, RefreshError, Unfetched, Unreadable
from bot.events import BaselineTaken, Built, Planned
from bot.identity import env_user, require_requester
from bot.leases import Lease
from bot.model import Build, Mode, Refresh, Snapshot, State
from bot.provenance import Start
from bot.resolving import Resolved, Subject, child_of, entry_of, look_at_production, resolve
from bot.services import Services
from bot.session import Session, Unreachable
from bot.wording import dbt as say

_CLOCKS_DIFFER = timedelta(hours=2)  # by which our clock may have been set back since a build began
FETCHES = 6  # of a repository that does not answer, in half a minute: what ails it mostly passes


class Building:
    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, refresh: Refresh, lease: Lease) -> Refresh:
        """building -> checking. Raises RefreshError; nothing in production is touched."""
        services = self._services
        require_requester(services, refresh)
        tag = names.tag(refresh, services.store.installation, "build")
        subject = Subject(
            request=refresh.request,
            unique_id=refresh.unique_id,
            dev=refresh.dev,
            env_user=env_user(services, refresh.asker),
        )
        lease.progress(say.reading_project())
        self._use_newest(lease)
        production = look_at_production(services, subject, lease.stay)
        with (
            child_of(services, subject, refresh.ref, tag, lease.cancelled, lease.progress) as child,
            services.warehouse.builder(tag, alive=lease.stay) as session,
        ):
            if lease.claim.was is State.BUILDING:
                self._stop_what_runs(session, refresh, tag)
            resolved = resolve(services, subject, child, session, production)
            refresh = services.record(refresh, Planned(at=services.clock(), plan=resolved.plan), claim=lease.claim)
            return self._build(refresh, lease, child, session, resolved)

    def _use_newest(self, lease: Lease) -> None:
        """Code that dbt cannot read is not waited for, and a repository that does not answer not for long: the code
        before it is built, and the plan says so. Raises Unfetched for the worker to try again.
        """
        services, project, problem = self._services, self._services.project, ""
        try:
            if project.moved_on(lease.stay):
                lease.progress(say.reading_newest())
                services.store.put_index(project.index(lease.stay, services.store.index))
            elif not project.newest:
                return
        except (Unreadable, Unfetched) as error:
            if isinstance(error, Unfetched) and lease.claim.tries(State.BUILDING) < FETCHES:
                lease.progress(say.repository_away())
                raise
            if not project.has_code:
                raise
            problem = error.user_text
        services.store.note_problem(problem)

    def stop_predecessor(self, refresh: Refresh, lease: Lease) -> None:
        """What the dbt of a dead worker still runs in dev is stopped, so that two builds never share a table."""
        tag = names.tag(refresh, self._services.store.installation, "build")
        with self._services.warehouse.builder(tag, alive=lease.check) as session:
            self._stop_what_runs(session, refresh, tag)

    def _stop_what_runs(self, session: Session, refresh: Refresh, tag: str) -> None:
        """Its age is by our clock, which may have been set meanwhile; the moment it began is by Snowflake's."""
        age = max(self._services.clock() - refresh.created_at, timedelta()) + _CLOCKS_DIFFER
        session.cancel_tag(tag, session.now() - age, refresh.dev.database)

    def _build(self, refresh: Refresh, lease: Lease, child: DbtChild, session: Session, resolved: Resolved) -> Refresh:
        services, attempt = self._services, lease.claim.fence
        lease.check()
        baseline = freezing.baseline(services, refresh, session, attempt)
        event = BaselineTaken(at=services.clock(), baseline=baseline)
        refresh = services.record(refresh, event, claim=lease.claim)
        freezing.take_dev(services, refresh, session)
        try:
            start = self._prepare_dev(refresh, session, baseline, child, resolved)
            lease.progress(say.building(refresh.name))
            started = session.now()  # what the build writes as the current time is by that clock
            build = child.build(lease.progress, lease.cancelled, resolved.plan.skipped_hooks)
            candidate = self._candidate(refresh, lease, build, start)
        finally:
            self._leave_dev(refresh, lease)
        built = Built(at=services.clock(), build=replace(build, started=started), candidate=candidate)
        return services.record(refresh, built, claim=lease.claim)

    def _candidate(self, refresh: Refresh, lease: Lease, build: Build, start: Start) -> Snapshot:
        """In a session of its own, since the one before idled as long as dbt built. In doubt the tables are looked up
        once more by their names: hours of building are not thrown away for one answer.
        """
        services, attempt = self._services, lease.claim.fence
        tag = names.tag(refresh, services.store.installation, "build")

        def frozen() -> Snapshot:
            with services.warehouse.builder(tag, alive=lease.stay) as session:
                return freezing.candidate(services, refresh, session, build, start, attempt)

        try:
            return frozen()
        except Unreachable:
            return frozen()

    def _leave_dev(self, refresh: Refresh, lease: Lease) -> None:
        """Let others build there again; a marker that cannot be dropped now, the next build of ours takes over."""
        tag = names.tag(refresh, self._services.store.installation, "build")
        with suppress(RefreshError), self._services.warehouse.builder(tag, alive=lease.check) as session:
            session.drop(names.lock(refresh))

    def _prepare_dev(
        self, refresh: Refresh, session: Session, baseline: Snapshot, child: DbtChild, resolved: Resolved
    ) -> Start:
        """What dev holds when dbt starts, and once more what dbt would run on it (facts seen only with dev in place)."""
        rows, alone = baseline.content.rows, not resolved.plan.hooks
        if refresh.request.mode is Mode.FULL_REFRESH:
            freezing.clear_dev(self._services, refresh, session)
            return Start(dev=None, rows=rows, alone=alone)
        dev = freezing.dev_from_baseline(self._services, refresh, session, baseline)
        compiled = child.compile()
        if compiled.sql != resolved.compiled.sql:
            _, index = entry_of(self._services, refresh.unique_id)
            planning.refuse_compiled(resolved.entry, refresh.request, compiled, index, self._services.settings)
        if compiled.relation != refresh.dev:
            raise BuildFailed(say.built_elsewhere(refresh.name, str(refresh.dev), str(compiled.relation)))
        return Start(dev=dev, rows=rows, alone=alone)
