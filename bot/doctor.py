"""What an operator wants to know before the first refresh: every problem at once, and the grants to paste."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot import rights
from bot.chat import Chat, ChatError
from bot.dbt_project import Project
from bot.dbt_warm import Warm
from bot.errors import RefreshError
from bot.index import Index
from bot.queries import plain as plain_sql
from bot.queries import render
from bot.session import Session
from bot.settings import Settings
from bot.slack_manifest import SCOPES
from bot.store import Store
from bot.warehouse import Warehouse
from bot.wording.text import plain

_TAG = "dbt-refresh:doctor"
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One thing looked at; `detail` says what to do where it is not good."""

    what: str
    good: bool
    detail: str = ""


def examine(settings: Settings) -> Iterator[Examined]:
    """Look at everything that a refresh needs; goes on after each problem."""
    yield from _policy(settings)
    yield from _slack(settings)
    yield _try("Snowflake, builder", lambda: _log_in(settings, "builder"))
    yield _try("Snowflake, promoter", lambda: _log_in(settings, "promoter"))
    yield Examined(what="Snowflake's behaviour changes", good=True, detail=_behaviour(settings))
    index, parsed = _parsed(settings)
    yield from _rights(settings, index)
    yield parsed
    yield Examined(what="A user of its own for dbt", good=True, detail=_own_user(settings))
    if index is not None:
        yield from _project(settings, index)


def _policy(settings: Settings) -> Iterator[Examined]:
    for name in ("requesters", "approvers"):
        there = bool(getattr(settings.policy, name))
        yield Examined(what=f"[policy] {name}", good=there, detail="" if there else "empty, so nobody may")
    there = bool(settings.slack.channels)
    yield Examined(what="[slack] channels", good=there, detail="" if there else "empty, so nowhere")
    secrets = settings.secrets
    way_in = bool(secrets.slack_app_token.get_secret_value() or secrets.slack_signing_secret.get_secret_value())
    yield Examined(
        what="Slack's way in",
        good=way_in,
        detail="" if way_in else "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET and PORT (HTTP)",
    )


def _slack(settings: Settings) -> Iterator[Examined]:
    chat = Chat(settings)
    yield _try("Slack token", lambda: chat.auth().team_id)
    yield _try("Slack scopes", lambda: _scopes(chat))
    if token := settings.secrets.slack_app_token.get_secret_value():
        yield _try("Slack app token", lambda: _app_token(chat, token))
    for channel in (*settings.slack.channels, settings.slack.audit_channel):
        if channel:
            yield _try(f"Slack channel {channel}", lambda channel=channel: _channel(chat, channel))
    groups = {g for g in (*settings.policy.requesters, *settings.policy.approvers) if g.startswith("S")}
    for group in sorted(groups):
        yield _try(f"Slack user group {group}", lambda group=group: f"{len(chat.members(group))} members")


def _scopes(chat: Chat) -> str:
    if missing := sorted(set(SCOPES) - chat.scopes()):
        raise RefreshError(f"missing {', '.join(missing)}: paste the manifest again and reinstall the app")
    return f"{len(SCOPES)} of {len(SCOPES)}"


def _app_token(chat: Chat, token: str) -> str:
    chat.try_app_token(token)
    return "Socket Mode"


def _channel(chat: Chat, channel: str) -> str:
    found = chat.channel(channel)
    if found.is_ext_shared or found.is_pending_ext_shared:
        raise RefreshError("shared with another company: refreshes are refused there")
    if not found.is_member:
        raise RefreshError(f"the bot is not in #{found.name}: invite it")
    return f"#{found.name}"


def _log_in(settings: Settings, which: str) -> str:
    open_session = {"builder": _snowflake(settings).builder, "promoter": _snowflake(settings).promoter}[which]
    with open_session(_TAG) as session:
        return session.role()


def _behaviour(settings: Settings) -> str:
    """Which of the changes that Snowflake announces are on: what copies grants today may not tomorrow."""
    try:
        with _snowflake(settings).promoter(_TAG) as session:
            bundles = json.loads(session.rows("inspect/behaviour_changes")[0]["bundles"])
            return ", ".join(f"{b['name']} {'on' if b['isEnabled'] else 'off'}" for b in bundles) or "none is pending"
    except (RefreshError, ValueError, LookupError, TypeError):
        return "not visible"


def _snowflake(settings: Settings) -> Warehouse:
    return Warehouse(settings, "doctor")


def _rights(settings: Settings, index: Index | None) -> Iterator[Examined]:
    """What each role may not do; the rest in one line, for there may be hundreds of databases."""

    def shared(session: Session) -> Iterator[rights.Look]:
        return rights.shared(session, index, _installation(settings))

    for who, open_session, looks in (
        ("Builder", _snowflake(settings).builder, lambda *given: chain(rights.builder(*given), shared(given[0]))),
        ("Promoter", _snowflake(settings).promoter, rights.promoter),
    ):
        with suppress(RefreshError), open_session(_TAG) as session:
            found = [_try(what, look) for what, look in looks(session, settings, index)]
            yield from (examined for examined in found if not examined.good)
            there = sum(examined.good for examined in found)
            yield Examined(what=f"{who}'s rights", good=True, detail=f"{there:,} of {len(found):,} are there")


def _installation(settings: Settings) -> str:
    """This installation's id; "" before the first migration."""
    store = Store(settings.database_url)
    try:
        return store.installation
    except SQLAlchemyError:
        return ""
    finally:
        store.close()


def _project(settings: Settings, index: Index) -> Iterator[Examined]:
    """That no dev relation is a production relation, by the names that dbt itself gives."""
    prod = set(index.relations)
    both = sorted(str(e.dev) for e in index.entries if e.dev and e.dev in prod)
    outside = sorted({e.prod.database for e in index.entries if e.prod} - set(settings.warehouse.prod_databases))
    dev = sorted(
        {e.dev.database for e in index.entries if e.dev and e.dev.database in settings.warehouse.prod_databases}
    )
    yield Examined(
        what="No dev relation is a production relation",
        good=not both,
        detail=f"the same in both: {_some(both)}" if both else "",
    )
    yield Examined(
        what="Dev is outside the production databases",
        good=not dev,
        detail=f"the dev target builds in {_some(dev)}" if dev else "",
    )
    if outside:
        yield Examined(
            what="Production databases",
            good=True,
            detail=f"more are in the project, which the bot will refuse: {_some(outside)}",
        )


def _parsed(settings: Settings) -> tuple[Index | None, Examined]:
    """The project as the child reads it, with the child's own environment, and what keeping it ready costs."""
    try:
        with _read(settings, warm=True) as (index, project):
            ready = _ready(settings, project.now.warm)
    except RefreshError as error:
        return None, Examined(what="dbt project", good=False, detail=plain(error.user_text))
    warned = f", {index.warnings:,} warnings of dbt (deprecations and the like)" if index.warnings else ""
    found = f"{len(index.entries):,} models, code {index.code or 'not in git'}{warned}; {ready}"
    return index, Examined(what="dbt project", good=True, detail=found)


def _own_user(settings: Settings) -> str:
    """Code of the project runs in dbt's process: under the bot's user it can read whatever the bot can."""
    if settings.dbt.run_as:
        return f"dbt runs as {settings.dbt.run_as}"
    return "recommended: dbt runs as the bot's user, which can read the promoter's key; set [dbt] run_as where the bot runs as root"


def _ready(settings: Settings, warm: Warm | None) -> str:
    if warm is None:
        return f"dbt is not kept ready, so every build starts it from scratch ([dbt] warm_mb = {settings.dbt.warm_mb})"
    return f"kept ready in {warm.megabytes():,.0f} MB of {settings.dbt.warm_mb:,}"


def _some(names: list[str]) -> str:
    """The first few of what may be hundreds, and how many more."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


@contextmanager
def _read(settings: Settings, *, warm: bool) -> Iterator[tuple[Index, Project]]:
    with tempfile.TemporaryDirectory(prefix="dbt-refresh-doctor-") as workdir:
        project = Project(settings, Path(workdir), warm=warm)
        try:
            yield project.index(), project
        finally:
            project.stop()


def _try(what: str, look: Callable[[], str]) -> Examined:
    try:
        return Examined(what=what, good=True, detail=look())
    except RefreshError as error:
        return Examined(what=what, good=False, detail=plain(error.user_text))
    except ChatError as error:
        return Examined(what=what, good=False, detail=f"Slack says {error.code}")


def grants_sql(settings: Settings) -> str:
    """The set-up of the README for this project's own names. Raises RefreshError when dbt cannot read the project."""
    with _read(settings, warm=False) as (index, _):
        return grants_for(settings, index)


def grants_for(settings: Settings, index: Index) -> str:
    """Databases without models are left out, and those whose models are only views need no backups."""
    own = set(settings.warehouse.prod_databases)
    prod = rights.by_database(e.prod for e in index.entries if e.prod and e.prod.database in own)
    read = rights.by_database(r for r in index.sources.values() if r.database not in prod)
    warehouses = dict.fromkeys((settings.warehouse.builder.warehouse, *settings.warehouse.warehouses))
    return plain_sql(
        render(
            "setup/grants",
            builder=settings.warehouse.builder,
            promoter=settings.warehouse.promoter,
            warehouses=[w for w in warehouses if w],
            sources=read,
            prod=prod,
            backups=rights.with_tables(settings, index),
            dev=sorted({e.dev.database for e in index.entries if e.dev}),
            backup_schema=settings.warehouse.backup_schema,
        )
    )
