"""One refresh with what people said about it and what was done to production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.model.plans import Actor, Build, Plan, Request
from bot.model.reports import Finding, Report
from bot.model.states import ENDS, State
from bot.model.tables import Content, Relation, Snapshot, Table, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    group: str  # OutlierGroup.id
    reason: str  # one of the fixed reasons, or "other"
    note: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    finding: str  # Finding.name
    reason: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    approve: bool
    by: Actor
    at: datetime
    digest: str
    reason: str = ""
    wait: int = 0  # `Refresh.wait` when it was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What an undo of `production` would take along, as it was counted in the warehouse: equal rows count each.

    `written`: rows that neither the candidate nor the backup holds. `removed`: rows of the candidate that are no longer
    there. Not `exact`: the candidate is gone, so `written` counts its own rows as well and `removed` is not known.
    """

    production: Content
    written: int
    removed: int = 0
    exact: bool = True
    breaks: tuple[str, ...] = ()  # what came to hang on the table, such as "streams"

    def covers(self, other: Loss) -> bool:
        """Whether somebody who agreed to lose this has agreed to lose `other` too."""
        enough = self.written >= other.written and self.removed >= other.removed
        return enough and set(self.breaks) >= set(other.breaks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The intent, committed before the statement is sent, and what became of it. Also used for an undo."""

    attempt: str  # UUID, in the query tag
    tag: str
    source: Relation  # candidate or backup
    prod_token: Token  # just before
    before: Table  # prod as it was, to verify against
    silent: tuple[str, ...] = ()  # views on it that could not be read before either
    statements: tuple[str, ...]  # as sent, in order
    intended_at: datetime
    warehouse_at: datetime | None = None  # the same moment by Snowflake's clock; None from an older version
    backup: Snapshot | None = None
    query_ids: tuple[str, ...] = ()
    sent_at: datetime | None = None
    after: Snapshot | None = None  # prod right after, for the undo's guard
    kept: Snapshot | None = None  # of an undo that takes rows of others along: production as it was before
    loss: Loss | None = None  # these rows, counted in `kept`
    findings: tuple[Finding, ...] = ()  # of the verification


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """Who asked for the undo, and what the refresh goes back to when it is refused."""

    by: Actor
    at: datetime
    forced: bool
    was: State  # done or faulty
    problem: Problem | None  # of the faulty refresh
    reason: str = ""
    loss: Loss | None = None  # what the person saw and agreed to lose; only where it is forced


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a refresh failed, went stale, is faulty or needs a person; `kind` picks the sentence in `wording`."""

    kind: str
    text: str  # for people, mrkdwn
    detail: str = ""  # for the details file; no rows, no secrets
    attachment: str = ""  # e.g. compiled SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One request, from the command to its end: the row everything else is rendered from."""

    id: int
    state: State
    revision: int  # plus one with every stored change
    request: Request
    asker: Actor
    channel: str
    unique_id: str
    name: str  # the dbt name people read
    prod: Relation
    dev: Relation
    created_at: datetime
    changed_at: datetime
    expires_at: datetime | None = None
    cancel: Actor | None = None  # who asked for it; the running step sees it and stops
    again: tuple[str, ...] = ()  # columns to start again with, once the running step has stopped
    plan: Plan | None = None
    baseline: Snapshot | None = None
    build: Build | None = None
    candidate: Snapshot | None = None
    report: Report | None = None
    statements: tuple[str, ...] = ()  # the approved list, in full, as shown before the click and sent after it
    digest: str = ""
    explanations: tuple[Explanation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    decisions: tuple[Decision, ...] = ()
    wait: int = 0  # plus one whenever decisions stop counting: what was given before then never counts again
    changers: tuple[Actor, ...] = ()  # who changed what is asked for; each counts as an asker
    promotion: Promotion | None = None
    undo: Promotion | None = None
    undo_request: UndoRequest | None = None
    loss: Loss | None = None  # of an undo now, as last counted: what *Undo anyway* names
    acceptance: Decision | None = None  # of a faulty production, with the reason
    problem: Problem | None = None
    withdrawn: str = ""  # why decisions were withdrawn, for people; until the next comparison stands in the thread
    progress: str = ""  # live only: what the running step is doing
    progress_share: float | None = None  # 0 to 1, against earlier builds
    undelivered: int = 0  # live only: messages that Slack refused, said on the card

    @property
    def ref(self) -> str:
        return f"R{self.id}"

    @property
    def askers(self) -> tuple[Actor, ...]:
        """Those whose request this is: who asked for it, then who changed it."""
        return (self.asker, *self.changers)

    @property
    def stopping(self) -> bool:
        """Somebody wants the running step to stop: to end it, or to start again with other columns."""
        return self.cancel is not None or bool(self.again)

    @property
    def live(self) -> bool:
        """Holds the lock on its prod and dev relation."""
        return self.state not in ENDS
