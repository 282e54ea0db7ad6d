"""What the listeners may do: look into the store, store a request or a click, and say something privately at once.

No dbt, no Snowflake and no slow Slack method: a listener has three seconds. Rights are judged by the worker, from
the person as Slack knows them then; here only the words, the channel and the row are looked at.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from bot import commands, following, lookup, planning
from bot.blocks import forms
from bot.blocks.answers import answer
from bot.board import Board
from bot.errors import Busy, RefreshError, Refusal
from bot.index import Entry
from bot.messages import Block, Click, Message, Post
from bot.model import Actor, Refresh, Relation, Request, State
from bot.people import Home
from bot.reconcile import waits
from bot.report import blockers
from bot.settings import Settings
from bot.store import Held, Store, Taken
from bot.wording import answers as say
from bot.wording import forms as words
from bot.wording.queue import others_wait
from bot.wording.rules import no_name
from bot.wording.text import plain

log = structlog.get_logger()
_TWICE = 10.0  # seconds within which the same request of the same person is one request, delivered twice

FORM_STATES: dict[str, frozenset[State]] = {
    "explain": frozenset({State.AWAITING}),
    "waive": frozenset({State.AWAITING}),
    "reject": frozenset({State.AWAITING, State.STALE}),
    "accept": frozenset({State.FAULTY}),
    "undo": frozenset({State.DONE, State.FAULTY}),
    "undo_forced": frozenset({State.FAULTY}),
    "happened": frozenset({State.NEEDS_ATTENTION}),
    "not_happened": frozenset({State.NEEDS_ATTENTION}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What a button carried: the refresh, and the revision, the wait and the digest that the person saw."""

    refresh: int
    revision: int
    wait: int
    digest: str

    @classmethod
    def of(cls, refresh: Refresh) -> Pressed:
        """As a button that is shown now would carry it."""
        return cls(refresh=refresh.id, revision=refresh.revision, wait=refresh.wait, digest=refresh.digest)


@dataclass(frozen=True, slots=True)
class Where:
    """Who acts, and in which channel and thread; `channel` is empty on App Home and for the global shortcut.

    `press` is the same when Slack delivers the same press again.
    """

    by: Actor
    channel: str = ""
    thread_ts: str = ""
    press: str = ""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Desk(Board):
    """`wake` tells the worker, when it runs in this process, that there is something to do.

    `env_user` says what {user} in `[dbt.env]` is for a person; it is only asked where a project's dev schema needs it.
    `present` raises Refusal for a channel that the bot is not in: what it posts later could tell nobody.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        home: Home,
        wake: Callable[[], object] = lambda: None,
        clock: Callable[[], datetime] = _utc_now,
        env_user: Callable[[Actor], str] | None = None,
        present: Callable[[str], object] = lambda _: None,
    ) -> None:
        super().__init__(store, settings, clock)
        self.home = home
        self._wake = wake
        self._env_user = env_user or self._named
        self._present = present

    # --- commands ---------------------------------------------------------------------------------------------------

    def command(self, text: str, where: Where) -> Message | Block:
        """Do what was typed; the answer is a private message, or a form (a dict) to open."""
        try:
            parsed = commands.parse(text, self._clock().date())
        except Refusal as refusal:
            return _said(refusal)
        try:
            return self._do(parsed, where)
        except lookup.NoSuchModel as refusal:
            return _with_choices(refusal, parsed, self._older())
        except RefreshError as error:
            return _said(error)

    def _do(self, parsed: commands.Command, where: Where) -> Message | Block:
        match parsed:
            case commands.Form():
                self._allowed_here(where.channel)
                return self.ask_form(where.channel)
            case commands.Help():
                return self.help()
            case commands.Status(refresh=number):
                return self.status(number)
            case commands.List():
                return self.latest()
            case commands.Ask(request=request):
                return self.ask(request, where)
            case commands.PlanOnly(request=request):
                return self._plan(request, where)
            case commands.Cancel(refresh=number):
                refresh = self._known(number)
                self.click("cancel", Pressed.of(refresh), where)
                return answer(say.stored("cancel"))
            case commands.Hold(model=model, reason=reason):
                return self._hold("hold", model, reason, where)
            case commands.Unhold(model=model, reason=reason):
                return self._hold("unhold", model, reason, where)

    def ask(self, request: Request, where: Where) -> Message:
        """Store a request: one row that takes the locks. Raises Refusal with the way out."""
        entry = self._refreshable(request, where)
        if forgotten := waits(self._store, _there(entry.prod), self._clock()):
            raise Refusal(forgotten)
        try:
            refresh = self._store.create(
                request=request,
                asker=where.by,
                channel=where.channel,
                unique_id=entry.unique_id,
                name=entry.name,
                prod=_there(entry.prod),
                dev=self._dev(entry, where.by),
                at=self._clock(),
                warehouse=entry.warehouse or self.settings.warehouse.builder.warehouse,
                press=where.press,
            )
        except Taken as taken:
            refresh = self._delivered_twice(taken.holder, request, where.by)
        except Held as held:
            hold = held.hold
            text = say.held(entry.name, hold.by, hold.at, hold.reason, hold.refresh, self._clock())
            raise Refusal(text) from None
        self._wake()
        before = self._store.places(self.settings.worker.builds_per_warehouse).get(refresh.id, 0)
        return answer(say.queued(refresh) + others_wait(before) + self._older())

    def _refreshable(self, request: Request, where: Where) -> Entry:
        """The model of a request, once all that the index tells speaks for it. Raises Refusal."""
        self._allowed_here(where.channel)
        index = self._index()
        entry = lookup.find(index, request.model)
        planning.refuse(entry, request, index, self.settings, self._clock().date())
        return entry

    def _dev(self, entry: Entry, by: Actor) -> Relation:
        """Where it is built for this person: the same for everybody, unless the project has a schema for each."""
        shared = planning.dev_relation(entry, "")
        return _there(shared if shared == entry.dev else planning.dev_relation(entry, self._env_user(by)))

    def _named(self, by: Actor) -> str:
        name = self.settings.people.get(by.user_id, "")
        if not name:
            raise Refusal(no_name(by.user_id))
        return name.upper()

    def _delivered_twice(self, holder: Refresh, request: Request, by: Actor) -> Refresh:
        """The holder of the lock, when it is this very request. Raises Busy when it is another one."""
        age = (self._clock() - holder.created_at).total_seconds()
        if holder.asker.user_id == by.user_id and holder.request == request and age < _TWICE:
            return holder
        raise Busy(say.busy(holder, self._store.permalink(holder.id), self._clock()), holder.id) from None

    def _plan(self, request: Request, where: Where) -> Message:
        entry = self._refreshable(request, where)
        self._store_click("plan", None, where, {"text": commands.write(request), "unique_id": entry.unique_id})
        return answer(say.planning(entry.name) + self._older())

    def _hold(self, action: str, model: str, reason: str, where: Where) -> Message:
        self._allowed_here(where.channel)
        entry = lookup.find(self._index(), model)
        self._store_click(action, None, where, {"unique_id": entry.unique_id, "name": entry.name, "reason": reason})
        return answer(say.stored(action))

    # --- buttons ----------------------------------------------------------------------------------------------------

    def click(self, action: str, pressed: Pressed, where: Where, payload: dict[str, Any] | None = None) -> None:
        """Store a click for the worker, which decides and answers it. Raises Refusal for one that leads nowhere."""
        refresh = self._here(pressed, where)
        self._store_click(action, pressed, replace(where, channel=where.channel or refresh.channel), payload or {})

    def older_button(self, number: int | None) -> str:
        """The answer to a button of an older version; where its refresh is known, its messages get new buttons."""
        refresh = self._store.get(number) if number is not None else None
        if refresh is None:
            return say.old_button()
        self._store.redraw(refresh.id)
        self._wake()
        return say.redrawn(refresh.ref)

    def downstream(self, number: int, unique_id: str, where: Where) -> Message:
        """Start the next refresh after a promoted one; whoever presses becomes the asker."""
        try:
            before = self._known(number)
            entry = lookup.find(self._index(), unique_id)
            where = replace(where, channel=where.channel or before.channel)
            return self.ask(following.downstream(before, entry, self._clock().date()), where)
        except RefreshError as error:
            return _said(error)

    def open(self, action: str, pressed: Pressed, where: Where) -> Block:
        """The form behind a button, from the row as it is now. Raises Refusal where it makes no sense any more."""
        refresh = self._here(pressed, where)
        if refresh.state not in FORM_STATES[action]:
            raise Refusal(say.moved_on(refresh))
        match action:
            case "explain":
                if not (refresh.report and refresh.report.groups):
                    raise Refusal(say.nothing_to_explain(refresh))
                return forms.explain_form(refresh, self.settings)
            case "waive":
                if not any(b.kind == "finding" and b.waivable for b in blockers(refresh, self.settings)):
                    raise Refusal(say.nothing_to_waive(refresh))
                return forms.waive_form(refresh, self.settings)
            case "reject":
                return forms.reject_form(refresh)
            case "accept":
                return forms.accept_form(refresh)
            case "undo":
                return forms.undo_form(refresh)
            case "undo_forced":
                if refresh.loss is None:  # a button of an earlier version, or of before another undo
                    raise Refusal(say.not_counted())
                return forms.undo_forced_form(refresh, refresh.loss)
        return forms.settle_form(action, refresh)

    # --- forms ------------------------------------------------------------------------------------------------------

    def ask_form(self, channel: str, text: str = "") -> Block:
        """The form to ask with, with what `text` (a command) says already filled in."""
        channels = self.settings.slack.channels
        channel = channel if channel in channels else channels[0] if len(channels) == 1 else ""
        request, chosen = None, None
        try:
            parsed = commands.parse(text, self._clock().date())
            if isinstance(parsed, commands.Ask):
                request = parsed.request
                chosen = lookup.find(self._index(), request.model)
        except Refusal:
            chosen = None  # what could not be read or found is what the form is for
        return forms.ask_form(self.settings, request, chosen, channel)

    def ask_with_form(self, answers: dict[str, Any], after: int | None, where: Where) -> Message | dict[str, str]:
        """What the form asks for, built from its fields: an answer, or what is wrong by field."""
        if wrong := following.wrong_in_form(answers, self._clock().date()):
            return wrong
        try:
            return self.ask(replace(following.from_form(answers), from_refresh=after), where)
        except RefreshError as refusal:
            return {"model": plain(refusal.user_text)}

    def submitted(self, form: str, pressed: Pressed, answers: dict[str, Any], where: Where) -> dict[str, str]:
        """Store a form as the click it stands for; what is wrong comes back by field."""
        if form == "explain" and answers.get("reason") == "other" and not _says_something(answers.get("note")):
            return {"note": words.other_needs_text()}
        if "reason" in answers and not _says_something(answers["reason"]):
            return {"reason": words.reason_is_empty()}
        try:
            if form == "undo_forced" and (answers.get("name") or "").strip() != self._known(pressed.refresh).name:
                return {"name": words.undo_typed_wrong()}
            self.click(form, pressed, where, answers)
        except Refusal as refusal:
            self.tell(answer(refusal.user_text), where)
        return {}

    def tell(self, text: Message, where: Where) -> None:
        """Say something privately through the outbox, where there is no payload left to answer."""
        if where.channel:
            key = f"private/{uuid.uuid4().hex}"
            post = Post(key=key, channel=where.channel, message=text, thread=False, private_to=where.by.user_id)
            self._store.answer(post)
            self._wake()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _store_click(self, action: str, pressed: Pressed | None, where: Where, payload: dict[str, Any]) -> None:
        stored = self._store.add_click(
            Click(
                action=action,
                by=where.by,
                channel=where.channel,
                at=self._clock(),
                refresh=pressed.refresh if pressed else None,
                revision=pressed.revision if pressed else -1,
                digest=pressed.digest if pressed else "",
                wait=pressed.wait if pressed else -1,
                payload=payload,
                thread_ts=where.thread_ts,
                press=where.press,
            )
        )
        if stored is None:
            log.info("delivered again, counts once", action=action, refresh=pressed.refresh if pressed else None)
        self._wake()

    def _here(self, pressed: Pressed, where: Where) -> Refresh:
        """The refresh of a button, which acts in its own channel only."""
        refresh = self._known(pressed.refresh)
        if where.thread_ts and where.channel != refresh.channel:
            raise Refusal(say.elsewhere(refresh.ref))
        return refresh

    def _allowed_here(self, channel: str) -> None:
        if channel not in self.settings.slack.channels:
            raise Refusal(say.not_here(self.settings.slack.channels))
        self._present(channel)


def _says_something(text: object) -> bool:
    """Spaces, dots and what cannot be seen are no reason that anybody could read in the trail."""
    return any(c.isalnum() for c in str(text or ""))


def _there(relation: Relation | None) -> Relation:
    """A relation that `planning.refuse` has made sure of."""
    if relation is None:
        raise ValueError("a model without a production or dev relation was not refused")
    return relation


def _said(error: RefreshError) -> Message:
    """Why not, with what would work instead as buttons."""
    return answer(error.user_text, error.offers if isinstance(error, Refusal) else ())


def _with_choices(refusal: lookup.NoSuchModel, parsed: commands.Command, older: str) -> Message:
    """A wrong name, with the same command for each of the names that exist as a button."""
    if not isinstance(parsed, commands.Ask):
        return answer(refusal.user_text + older)
    offers = [commands.write(replace(parsed.request, model=name)) for name in refusal.choices]
    return answer(refusal.user_text + older, offers, form=commands.write(parsed.request))
