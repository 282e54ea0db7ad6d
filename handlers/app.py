"""The Bolt app: the middleware that every payload passes, and the listeners of all surfaces on it."""

from __future__ import annotations

import copy
import logging
import secrets
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from slack_bolt import App, BoltResponse, Respond
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.logger.messages import warning_client_prioritized_and_token_skipped
from slack_sdk import WebClient

from bot.desk import Desk
from bot.settings import Settings
from handlers import buttons, commands, forms, home, options, payload, private

log = structlog.get_logger()
_THREADS = 16  # Bolt's default of 5 is used up by six people who click at once (a listener then answers too late)


def build_app(desk: Desk, client: WebClient, settings: Settings) -> App:
    """The app for Socket Mode and for HTTP. Nothing is sent to Slack while it is built."""
    # Without a configured secret nobody knows this one, so that only Socket Mode, which needs none, reaches the listeners.
    secret = settings.secrets.slack_signing_secret.get_secret_value() or secrets.token_hex()
    tokenless = copy.copy(client)
    tokenless.token = None  # Bolt warns about a token beside `authorize`, which spares a call to auth.test
    # It finds SLACK_BOT_TOKEN in the environment by itself, and warns that it does not use it.
    logging.getLogger("slack_bolt.App").addFilter(_warns_of_nothing)
    app = App(
        name="dbt-refresh",
        client=tokenless,
        signing_secret=secret,
        authorize=lambda **_: AuthorizeResult(
            enterprise_id=desk.home.enterprise_id or None, team_id=desk.home.team_id, bot_token=client.token
        ),
        listener_executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="listener"),
    )
    register(app, desk)
    return app


def _warns_of_nothing(record: logging.LogRecord) -> bool:
    return record.getMessage() != warning_client_prioritized_and_token_skipped()


def register(app: App, desk: Desk) -> None:
    """All listeners; the catch-all for unknown buttons comes last."""
    app.middleware(_known_person(desk))
    app.error(_told)
    for surface in (commands, forms, options, home, buttons):
        surface.register(app, desk)


def _known_person(desk: Desk) -> Callable[..., Any]:
    """Puts actor, place and a correlation id into the context, and turns away other workspaces."""

    def middleware(body: dict[str, Any], context: dict[str, Any], respond: Respond, next: Callable[[], Any]) -> Any:
        by = payload.actor(body)
        context["where"] = payload.where(body, by)
        context["correlation"] = uuid.uuid4().hex[:8]
        # On Enterprise Grid a payload does not say whose organisation a person is of: there the worker alone decides.
        if by.team_id != desk.home.team_id and not desk.home.enterprise_id:
            log.warning("turned away", user=by.user_id, team=by.team_id, correlation=context["correlation"])
            return private.turned_away(body, respond)
        with structlog.contextvars.bound_contextvars(correlation=context["correlation"], user=by.user_id):
            return next()

    return middleware


def _told(error: Exception, body: dict[str, Any], context: dict[str, Any], respond: Respond) -> BoltResponse:
    """Whatever a listener raised becomes a private answer with a number to quote."""
    correlation = context.get("correlation", "")
    log.error("a listener failed", correlation=correlation, exc_info=error)
    return private.apology(body, respond, correlation)
