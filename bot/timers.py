"""What happens because time passes: expiry, reminders, the stale poll, the janitor, the model index (design section 6);
and once after each start, whether the database is older than production.

Every timer runs in every worker; the store's compare-and-set picks one winner for each refresh.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from bot import guards, names, policy
from bot.blocks import reminder
from bot.context import Context
from bot.errors import LostClaim, RefreshError
from bot.events import Expired, Withdrawn
from bot.machine import NotAllowed
from bot.model import Problem, Refresh, State
from bot.reconcile import Reconciliation, waits
from bot.services import Services
from bot.session import Session
from bot.store import BACKUPS

_ON_ITS_WAY = timedelta(seconds=10)  # a click is stored before Slack gets its answer, which it waits 3 seconds for
LOOK_SECONDS = 300.0  # between two updates of a message that only waits

log = structlog.get_logger()


class Timers:
    def __init__(self, services: Services, context: Callable[[Refresh], Context]) -> None:
        self._services = services
        self._context = context
        self._reading = threading.Lock()
        self._seen = ""  # fingerprint of the project that this process has read last
        self._reconciliation = Reconciliation(services.store, services.settings.warehouse)
        self._reconciling = threading.Lock()
        self._reconciled = False

    def expire(self) -> None:
        """End what waited for people longer than the policy allows, unless an approval waits to be decided.

        Pressed in time it counts, also when it is still on its way here; pressed too late it ends the refresh itself.
        """
        services = self._services
        for refresh in services.store.expired(services.clock() - _ON_ITS_WAY):
            with _apart(refresh, "could not expire"):
                if not services.store.undecided(refresh.id, "approve"):
                    services.record(refresh, Expired(at=services.clock()))

    def remind(self) -> None:
        """Say again what waits for people without anybody doing anything."""
        services, now = self._services, self._services.clock()
        for refresh, last in services.store.waiting():
            with _apart(refresh, "could not remind"):
                if number := policy.reminder(refresh, last, services.settings.policy.remind_every, now):
                    services.store.remind(refresh, reminder(refresh, self._context(refresh), number), now)

    def look_for_messages(self) -> None:
        """See whether the messages of what waits for people are still in Slack: who deletes one tells nobody."""
        self._services.store.look_for_live(LOOK_SECONDS)

    def poll_stale(self) -> None:
        """Look at prod's token while a refresh waits, so that nobody approves what is gone."""
        services = self._services
        for refresh in services.store.in_state(State.AWAITING):
            tag = names.tag(refresh, services.store.installation, "poll")
            with _apart(refresh, "could not look at production"):
                with services.warehouse.builder(tag) as session:
                    seen = guards.look(session, refresh, services.clock())
                if seen.problem:
                    services.store.note_change(refresh.prod, services.clock())
                    expiry = services.expiry()
                    services.record(refresh, Withdrawn(at=services.clock(), problem=seen.problem, expires_at=expiry))

    def reconcile(self) -> None:
        """Once after each start: is this database older than production? Again later where Snowflake was away."""
        services = self._services
        if not self._reconciling.acquire(blocking=False):
            return
        try:
            if not self._reconciled:
                with services.warehouse.promoter(f"{names.prefix(services.store.installation)}reconcile") as session:
                    self._reconciliation.look(session)
                    for refresh in services.store.in_state(State.AWAITING, State.APPROVED):
                        with suppress(LostClaim, NotAllowed):  # decided meanwhile
                            self._withdraw_forgotten(session, refresh)
                self._reconciled = True
        except RefreshError as error:
            log.warning("could not look for what this database does not know", detail=error.detail)
        finally:
            self._reconciling.release()

    def _withdraw_forgotten(self, session: Session, refresh: Refresh) -> None:
        """Nobody approves what rests on a production that has gone on since this database was copied."""
        services, now = self._services, self._services.clock()
        if text := waits(services.store, refresh.prod, now):
            problem = Problem(kind=guards.way_on(session, refresh, now), text=text)
            services.record(refresh, Withdrawn(at=now, problem=problem, expires_at=services.expiry()))

    def clean_up(self) -> None:
        """Drop what is due, by recorded exact name: backups as the promoter, everything else as the builder."""
        services = self._services
        self._date_leftovers()
        self._forget_output()
        for made in services.store.due_objects(services.clock()):
            refresh = services.store.get(made.refresh)
            if refresh is not None and refresh.live:
                continue  # somebody may still need it, however long it waits
            open_session = services.warehouse.promoter if made.kind in BACKUPS else services.warehouse.builder
            try:
                with open_session(f"dbt-refresh:{services.store.installation}:janitor") as session:
                    if session.exists(made.relation):
                        session.drop(made.relation)
                services.store.forget_object(made.relation)
            except RefreshError as error:
                log.warning("could not drop", relation=str(made.relation), detail=error.detail)

    def _date_leftovers(self) -> None:
        """What ended refreshes left in dev is kept for `keep_dev`, unless a person said otherwise."""
        store, keep = self._services.store, self._services.settings.warehouse.keep_dev
        for made in store.undated_objects():
            refresh = store.get(made.refresh)
            if refresh is not None and not refresh.live:
                store.record_object(made.relation, made.kind, made.refresh, refresh.changed_at + keep)

    def _forget_output(self) -> None:
        """What dbt wrote for a build, a plan or an index on this host, once no step can still be at work there."""
        worker = self._services.settings.worker
        oldest = (self._services.clock() - worker.step_deadline).timestamp()
        for place in (*worker.data_dir.glob("refreshes/*"), *worker.data_dir.glob("project/parse-*")):
            with suppress(FileNotFoundError):  # an index that was read has removed its own
                if place.stat().st_mtime < oldest:
                    shutil.rmtree(place, ignore_errors=True)

    def refresh_index(self) -> None:
        """Read the dbt project again when its code has changed; the old index serves meanwhile, also when dbt cannot."""
        services, problem = self._services, ""
        if not self._reading.acquire(blocking=False):
            return  # a large project is read for longer than this timer's pause
        try:
            self._read_what_changed()
        except RefreshError as error:
            problem = error.user_text
            log.error("the dbt project cannot be read", problem=error.user_text, detail=error.detail)
        finally:
            self._reading.release()
        services.store.note_problem(problem)

    def _read_what_changed(self) -> None:
        services, project = self._services, self._services.project
        fingerprint = project.fingerprint()
        if fingerprint != self._seen and not project.knows(services.store.index(), fingerprint):
            services.store.put_index(project.index(known=services.store.index))
        elif project.behind(fingerprint):
            project.warm_up()
        self._seen = fingerprint


@contextmanager
def _apart(refresh: Refresh, trouble: str) -> Iterator[None]:
    """Whatever happens to one refresh, the others of the run have their turn."""
    try:
        yield
    except (LostClaim, NotAllowed):
        log.debug("decided meanwhile", refresh=refresh.ref)
    except RefreshError as error:
        log.warning(trouble, refresh=refresh.ref, detail=error.detail)
    except Exception:
        log.exception(trouble, refresh=refresh.ref)
