"""Deciding what people pressed: rights as Slack knows them now, then the row as it is now, then one event.

Every click is answered: done (the thread shows it), denied with the rule, overtaken by whom and when, or stale.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot import commands, guards, identity, names, policy, report
from bot import events as e
from bot.blocks.answers import answer
from bot.blocks.buttons import left_behind
from bot.blocks.live import approval_rule
from bot.blocks.posts import plan_only
from bot.decisions import explained, refused, waived
from bot.errors import ClickTaken, LostClaim, RefreshError, SlackAway
from bot.identity import env_user, judge, require_own_channel
from bot.leases import ClickLease
from bot.machine import NotAllowed, allows, step
from bot.messages import Click, Message, Post
from bot.model import Plan, Problem, Refresh, State
from bot.reconcile import waits
from bot.recovery import Contradicted, Recovery
from bot.resolving import Subject, child_of, entry_of, look_at_production, outline, resolve
from bot.services import Services
from bot.store import BACKUPS, Decided, Hold, Taken
from bot.wording import answers as say
from bot.wording import audit, production
from bot.wording import holds as held
from bot.wording import plan as planned
from bot.worker import LOOKED

_TRIES = 3  # the row may move between reading and writing it
_ASKED = 4  # tries of a click that depends on what Slack does not tell, in a few seconds
# Their forms say what is so now: they act on that or not at all.
_AS_SEEN = frozenset({"accept", "happened", "not_happened", "undo_forced"})

# What decides on a refresh, each with its event: answered by what became of it where it is over.
_DECISIONS: dict[str, type[e.Event]] = {
    "approve": e.Approved,
    "explain": e.Explained,
    "waive": e.Waived,
    "reject": e.Rejected,
    "accept": e.Accepted,
}

Decide = Callable[[Click, Refresh], None]


class Clicks:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._recovery = Recovery(services)
        self._on_refresh: dict[str, Decide] = {
            "approve": self._approve,
            "explain": self._explain,
            "waive": self._waive,
            "reject": lambda c, r: self._simple(c, r, e.Rejected(at=self._now, by=c.by, reason=_text(c, "reason"))),
            "cancel": self._cancel,
            "close": lambda c, r: self._simple(c, r, e.CancelAsked(at=self._now, by=c.by)),
            "recheck": self._recheck,
            "rebuild": lambda c, r: self._unless_held(c, r, e.RebuildAsked(at=self._now, by=c.by)),
            "add_columns": lambda c, r: self._add_columns(c, r, left_behind(r)),
            "add_clocks": lambda c, r: self._add_columns(c, r, r.plan.kept_clocks if r.plan else ()),
            "look": lambda c, r: self._simple(c, r, e.LookAgain(at=self._now, by=c.by)),
            "happened": lambda c, r: self._simple(c, r, self._settled(c, happened=True)),
            "accept": lambda c, r: self._simple(c, r, e.Accepted(at=self._now, by=c.by, reason=_text(c, "reason"))),
            "undo": lambda c, r: self._undo(c, r, forced=False),
            "undo_forced": lambda c, r: self._undo(c, r, forced=True),
        }
        self._beside: dict[str, Callable[[ClickLease, Refresh], None]] = {  # those that do more than one transaction
            "not_happened": self._not_happened,
            "keep_dev": self._keep_dev,
            "drop_dev": self._drop_dev,
        }

    def decide(self, lease: ClickLease) -> None:
        """Settle one click, with its answer, in the transaction of what it does; silent when another worker was faster."""
        click = lease.click
        if click.refresh is None:
            return self._without_refresh(lease)
        for _ in range(_TRIES):
            refresh = self._services.store.get(click.refresh)
            if refresh is None:
                return self._answer(click, say.no_such_refresh(click.refresh))
            try:
                return self._decide(lease, refresh)
            except SlackAway as away:
                if click.attempt < _ASKED:
                    raise
                return self._answer(click, away.user_text)
            except LostClaim:
                continue
            except Decided:
                return None
            except NotAllowed:
                return self._answer(click, say.moved_on(refresh))
            except Taken as taken:
                link = self._services.store.permalink(taken.holder.id)
                return self._answer(click, say.busy(taken.holder, link, self._now))
        raise LostClaim("This refresh is changing too fast.", f"R{click.refresh}")

    def apologise(self, click: Click) -> Post:
        """The answer to a click that could not be decided."""
        return self._post(click, answer(say.trouble(f"click {click.id}")))

    def _decide(self, lease: ClickLease, refresh: Refresh) -> None:
        click = lease.click
        if not allows(refresh, _DECISIONS.get(click.action, e.Noted)):
            return self._answer(click, say.moved_on(refresh))  # what is over is nobody's to decide, whoever may
        action = "undo" if click.action == "undo_forced" else click.action
        verdict = judge(self._services, action, click.by, refresh)
        if isinstance(verdict, policy.Denied):
            denied = e.Denied(at=self._now, by=click.by, action=click.action, rule=verdict.rule)
            post = self._post(click, answer(verdict.text))
            self._services.record(refresh, denied, click=click, also=(post,))
            return None
        if click.action in _AS_SEEN and click.revision != refresh.revision:
            return self._answer(click, say.moved_on(refresh))
        if click.action in LOOKED and (problem := self._overtaken(lease, refresh)):
            withdrawn = e.Withdrawn(at=self._now, problem=problem, expires_at=self._services.expiry())
            self._instead(click, refresh, withdrawn)
            return self._services.store.note_change(refresh.prod, self._now)
        if click.action in self._beside:
            return self._beside[click.action](lease, refresh)
        return self._on_refresh[click.action](click, refresh)

    def _overtaken(self, lease: ClickLease, refresh: Refresh) -> Problem | None:
        """Prod is looked at whenever somebody decides; what is no longer as compared is withdrawn at once."""
        services = self._services
        if not allows(refresh, e.Withdrawn) or refresh.baseline is None:
            return None
        tag = names.tag(refresh, services.store.installation, "look")
        with services.warehouse.builder(tag, alive=lease.check) as session:
            return guards.look(session, refresh, self._now).problem

    def _instead(self, click: Click, refresh: Refresh, event: e.Event) -> None:
        """What happens in place of what was pressed, and the answer that says so."""
        post = self._post(click, answer(say.moved_on(step(refresh, event)[0])))
        self._services.record(refresh, event, click=click, also=(post,))

    # --- decisions --------------------------------------------------------------------------------------------------

    def _approve(self, click: Click, refresh: Refresh) -> None:
        """Only what the person saw counts, and only when nothing is in the way any more."""
        until = policy.act_until(refresh, click.at, self._services.settings)
        if refresh.expires_at and until and (click.at >= refresh.expires_at or self._now >= until):
            return self._instead(click, refresh, e.Expired(at=self._now))
        if hold := self._hold_on(refresh):
            return self._answer(click, hold)
        if not self._seen(click, refresh):
            return self._answer(click, say.seen_older(refresh))
        if report.blockers(refresh, self._services.settings):
            return self._answer(click, say.not_now(refresh))
        refresh = self._without_lapsed(refresh)
        event = e.Approved(
            at=self._now,
            by=click.by,
            digest=refresh.digest,
            complete=policy.missing(refresh, self._services.settings) <= 1,
            expires_at=until,
        )
        self._services.record(refresh, event, click=click)

    def _without_lapsed(self, refresh: Refresh) -> Refresh:
        """Each approval before this one is judged as it would be now; those that fall away are said in the thread.

        Raises SlackAway where that is not known: this click is decided later, and after some tries it is no approval.
        """
        lapsed = identity.lapsed(self._services, refresh)
        if not lapsed:
            return refresh
        return self._services.record(refresh, e.ApprovalsLapsed(at=self._now, lapsed=lapsed))

    def _explain(self, click: Click, refresh: Refresh) -> None:
        known = {g.id for g in refresh.report.groups} if refresh.report else set()
        groups = tuple(g for g in _texts(click, "groups") if g in known)
        if not groups or not allows(refresh, e.Explained):
            return self._answer(click, say.moved_on(refresh))
        event = e.Explained(
            at=self._now,
            by=click.by,
            groups=groups,
            reason=_text(click, "reason"),
            note=_text(click, "note"),
            digest="",
        )
        event = replace(event, digest=report.digest(explained(refresh, event)))
        self._services.record(refresh, event, click=click)

    def _waive(self, click: Click, refresh: Refresh) -> None:
        """Only a finding that blocks now and may be waived, as the person saw it."""
        if not self._seen(click, refresh):
            return self._answer(click, say.seen_older(refresh))
        wanted = _text(click, "finding")
        blockers = report.blockers(refresh, self._services.settings)
        if not any(b.kind == "finding" and b.name == wanted and b.waivable for b in blockers):
            return self._answer(click, say.nothing_to_waive(refresh))
        event = e.Waived(at=self._now, by=click.by, finding=wanted, reason=_text(click, "reason"), digest="")
        event = replace(event, digest=report.digest(waived(refresh, event)))
        self._services.record(refresh, event, click=click)

    def _add_columns(self, click: Click, refresh: Refresh, more: tuple[str, ...]) -> None:
        missing = refresh.request.without(more)
        if not missing and refresh.state in (State.QUEUED, State.BUILDING, State.CHECKING):
            return self._answer(click, say.has_columns(refresh))
        columns = (*refresh.request.columns, *missing)
        self._unless_held(click, refresh, e.RebuildAsked(at=self._now, by=click.by, columns=columns))

    def _cancel(self, click: Click, refresh: Refresh) -> None:
        """Answered in private too: who types it may be anywhere, and before the card there is nothing to see."""
        post = self._post(click, answer(say.cancelling(refresh)))
        self._services.record(refresh, e.CancelAsked(at=self._now, by=click.by), click=click, also=(post,))

    def _undo(self, click: Click, refresh: Refresh, *, forced: bool) -> None:
        """Forced, it may lose what the form named and not a row more: the form acts as seen, so that is what the row says."""
        reason, loss = _text(click, "reason"), refresh.loss if forced else None
        self._simple(click, refresh, e.UndoAsked(at=self._now, by=click.by, reason=reason, forced=forced, loss=loss))

    def _recheck(self, click: Click, refresh: Refresh) -> None:
        """Never where the fresh baseline would have keys that the candidate lacks."""
        if refresh.problem is not None and refresh.problem.kind == guards.REBUILD:
            return self._answer(click, say.not_now(refresh))
        self._unless_held(click, refresh, e.RecheckAsked(at=self._now, by=click.by))

    def _not_happened(self, lease: ClickLease, refresh: Refresh) -> None:
        """Counts once it cannot happen any more, and Snowflake does not show that it did: doubt may come before any look."""
        click = lease.click
        if allows(refresh, e.Settled):
            try:
                refresh = self._recovery.fenced(refresh, f"CLICK{click.id}", lease.check)
                if not refused(refresh):
                    self._recovery.make_sure_it_is_absent(refresh, lease.check)
            except ClickTaken:
                raise
            except Contradicted as error:
                return self._answer(click, error.user_text)
            except RefreshError as error:
                return self._answer(click, production.cannot_settle(error.user_text))
            if not refresh.undo_request:
                why = Problem(kind=guards.REBUILD, text=production.did_not_happen(click.by))
                refresh = replace(refresh, problem=why)
        self._simple(click, refresh, self._settled(click, happened=False))

    def _settled(self, click: Click, *, happened: bool) -> e.Settled:
        return e.Settled(
            at=self._now,
            by=click.by,
            happened=happened,
            expires_at=self._services.expiry(),
            reason=_text(click, "reason"),
        )

    def _unless_held(self, click: Click, refresh: Refresh, event: e.Event) -> None:
        if hold := self._hold_on(refresh):
            return self._answer(click, hold)
        self._simple(click, refresh, event)

    def _hold_on(self, refresh: Refresh) -> str:
        """The sentence about the hold on the model, or about what this database has forgotten of it, or nothing."""
        hold = self._services.store.held(refresh.unique_id)
        if hold is None:
            return waits(self._services.store, refresh.prod, self._now)
        return say.held(refresh.name, hold.by, hold.at, hold.reason, hold.refresh, self._now)

    @staticmethod
    def _seen(click: Click, refresh: Refresh) -> bool:
        """Whether the person saw what there is to decide on now, in the wait that goes on now."""
        return bool(click.digest) and click.digest == refresh.digest and click.wait == refresh.wait

    def _simple(self, click: Click, refresh: Refresh, event: e.Event) -> None:
        self._services.record(refresh, event, click=click)

    # --- what is left in dev ----------------------------------------------------------------------------------------

    def _keep_dev(self, lease: ClickLease, refresh: Refresh) -> None:
        """Keep baseline and candidate as long as the backup is kept."""
        services, click = self._services, lease.click
        lease.check()
        until = self._now + services.settings.warehouse.keep_backup
        services.store.keep_objects(refresh.id, until, ("baseline", "candidate"))
        text = held.dev_kept(until, self._now)
        noted = e.Noted(at=self._now, text=text)
        services.record(refresh, noted, click=click, also=(self._post(click, answer(text)),))

    def _drop_dev(self, lease: ClickLease, refresh: Refresh) -> None:
        """Drop baseline and candidate now, by their recorded names; refused while something still needs them."""
        services, click = self._services, lease.click
        if refresh.live:
            return self._answer(click, say.not_now(refresh))
        tag = names.tag(refresh, services.store.installation, "drop")
        dropped = 0
        with services.warehouse.builder(tag, alive=lease.check) as session:
            for made in services.store.objects(refresh.id):
                if made.kind in BACKUPS:
                    continue
                if session.exists(made.relation):
                    session.drop(made.relation)
                    dropped += 1
                services.store.forget_object(made.relation)
        text = held.dev_dropped(dropped)
        noted = e.Noted(at=self._now, text=text)
        services.record(refresh, noted, click=click, also=(self._post(click, answer(text)),))

    # --- without a refresh ------------------------------------------------------------------------------------------

    def _without_refresh(self, lease: ClickLease) -> None:
        click = lease.click
        model = str(click.payload.get("name", ""))
        verdict = judge(self._services, click.action, click.by, None, model)
        if isinstance(verdict, policy.Denied):
            return self._answer(click, verdict.text)
        if click.action == "plan":
            return self._plan(lease)
        return self._hold(click, model)

    def _hold(self, click: Click, model: str) -> None:
        store, unique_id, reason = self._services.store, str(click.payload["unique_id"]), _text(click, "reason")
        if click.action == "hold":
            hold = Hold(unique_id=unique_id, by=click.by, at=self._now, reason=reason)
            told = self._audited(click, audit.held(model, click.by, reason))
            return store.put_on_hold(
                click, hold, lambda live: (self._post(click, answer(held.on_hold(model, live))), *told)
            )
        if not store.held(unique_id):
            return self._answer(click, held.was_not_held(model))
        told = self._audited(click, audit.lifted(model, click.by, reason))
        return store.settle_click(click, (self._post(click, answer(held.lifted(model))), *told), lift=unique_id)

    def _audited(self, click: Click, text: str) -> tuple[Post, ...]:
        """A line of the audit channel, where there is one."""
        channel = self._services.settings.slack.audit_channel
        key = f"click/{click.id}/audit"
        return (Post(key=key, channel=channel, message=answer(text), thread=False),) if channel else ()

    def _plan(self, lease: ClickLease) -> None:
        """Resolve and show; a child and two sessions that only read."""
        try:
            message = self._planned(lease)
        except ClickTaken:
            raise
        except RefreshError as error:
            message = answer(error.user_text, getattr(error, "offers", ()))
        self._services.store.settle_click(lease.click, (self._post(lease.click, message),))

    def _planned(self, lease: ClickLease) -> Message:
        services, dbt, click = self._services, self._services.settings.dbt, lease.click
        require_own_channel(services, click.channel)
        parsed = commands.parse(str(click.payload["text"]), self._now.date())
        assert isinstance(parsed, commands.Ask)  # the listener has written it so
        entry, _ = entry_of(services, str(click.payload["unique_id"]))
        user = env_user(services, click.by)
        subject = Subject.of(entry, parsed.request, user)
        plan = self._resolved(subject, lease)
        approval = approval_rule(plan, services.settings)
        text = planned.plan(plan, parsed.request, date_var=dbt.date_var, columns_var=dbt.columns_var, approval=approval)
        return plan_only(held.only_planned(text, plan, parsed.request, dbt.date_var))

    def _resolved(self, subject: Subject, lease: ClickLease) -> Plan:
        """Nobody who only asks waits until dbt has read a large project."""
        services = self._services
        tag = f"dbt-refresh:{services.store.installation}:plan"
        production = look_at_production(services, subject, lease.check)
        if not services.project.ready:
            with services.warehouse.builder(tag, alive=lease.check) as session:
                return outline(services, subject, session, production)
        workdir = f"plan-{uuid.uuid4().hex[:8]}"
        with (
            child_of(services, subject, workdir, tag, lease.cancelled) as child,
            services.warehouse.builder(tag, alive=lease.check) as session,
        ):
            return resolve(services, subject, child, session, production).plan

    # --- answering --------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> datetime:
        return self._services.clock()

    def _answer(self, click: Click, text: str) -> None:
        self._services.store.settle_click(click, (self._post(click, answer(text)),))

    def _post(self, click: Click, message: Message) -> Post:
        return Post(
            key=f"click/{click.id}",
            channel=click.channel,
            message=message,
            thread=bool(click.thread_ts),
            private_to=click.by.user_id,
        )


def _text(click: Click, name: str) -> str:
    return str(click.payload.get(name) or "").strip()


def _texts(click: Click, name: str) -> tuple[str, ...]:
    found = click.payload.get(name) or ()
    return tuple(map(str, found)) if isinstance(found, list | tuple) else (str(found),)
