"""The bot as one object: gateways, worker and listeners put together from Settings; what `start`, `web` and `worker` run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from pydantic import SecretStr
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot import private_files, socket_mode
from bot.blocks import render_live
from bot.chat import Chat
from bot.clicks import Clicks
from bot.context import Context
from bot.dbt_project import Project
from bot.desk import Desk
from bot.errors import LookupFailed, RefreshError
from bot.http_server import HttpServer
from bot.identity import env_user, home_of, require_presence
from bot.messages import Live, Message
from bot.model import Refresh, Series
from bot.outbox import Delivery
from bot.pipeline import Pipeline
from bot.policy import candidates
from bot.record import Recorder
from bot.services import Services
from bot.settings import Settings
from bot.store import Store
from bot.timers import Timers
from bot.warehouse import Warehouse
from bot.wording.failures import no_way_in
from bot.worker import Worker
from handlers import build_app

_AT_ONCE = 1  # seconds of the three that Slack gives a command
_ANSWERED_WITHIN = 5.0  # seconds for requests under way at an end


def _picture(series: Series, title: str) -> bytes:
    from bot.charts import picture  # matplotlib is a fifth of the start, and only a result needs it

    return picture(series, title)


class ContextSource:
    """Makes the Context of one rendering; what Slack does not tell right now is left out, never an error."""

    def __init__(self, settings: Settings, store: Store, chat: Chat, clock: Callable[[], datetime]) -> None:
        self._settings, self._store, self._chat, self._clock = settings, store, chat, clock

    def __call__(self, refresh: Refresh) -> Context:
        return Context(
            settings=self._settings,
            now=self._clock(),
            approvers=self._approvers(refresh),
            written=tuple(reversed(self._store.usual_write_times(refresh.prod))),
            dev_left=any(o.kind == "candidate" for o in self._store.objects(refresh.id)),
            picture=_picture,
        )

    def _approvers(self, refresh: Refresh) -> tuple[str, ...]:
        try:
            return candidates("approve", refresh, self._settings, self._chat.members)
        except LookupFailed:  # only a hint in a message; the click itself is checked again
            return ()


class Service:
    """Nothing runs before `start_worker` or `listen`. `gap` is the shortest pause between updates of one message.

    A `project` that is given outlives the service; its own is stopped with it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] | None = None,
        gap: float = 4.0,
        project: Project | None = None,
    ) -> None:
        self.settings = settings
        private_files.directory(settings.worker.data_dir)
        self.store = Store(settings.database_url)
        self.store.migrate()
        self.chat = Chat(settings)
        clock = clock or self.store.clock
        context = ContextSource(settings, self.store, self.chat, clock)
        self._keeps_project = project is not None
        self.services = Services(
            settings=settings,
            store=self.store,
            chat=self.chat,
            warehouse=Warehouse(settings, self.store.installation),
            project=project or Project(settings, settings.worker.data_dir / "project", warm=True),
            record=Recorder(self.store, context),
            clock=clock,
        )
        self.timers = Timers(self.services, context)
        self.worker = self._worker(context, gap)
        self._socket: SocketModeHandler | None = None
        self.http: HttpServer | None = None

    def _worker(self, context: ContextSource, gap: float) -> Worker:
        def live(which: Live, refresh: Refresh, _: datetime) -> Message:
            return render_live(which, refresh, context(refresh))

        clicks = Clicks(self.services)
        policy = self.settings.policy
        timers: dict[str, tuple[float, Callable[[], object]]] = {
            "expiry": (30.0, self.timers.expire),
            "reminders": (60.0, self.timers.remind),
            "messages": (60.0, self.timers.look_for_messages),
            "stale poll": (policy.stale_poll.total_seconds(), self.timers.poll_stale),
            "janitor": (600.0, self.timers.clean_up),
            "index": (60.0, self.timers.refresh_index),
            "reconciliation": (60.0, self.timers.reconcile),
        }
        lease = self.settings.worker.lease.total_seconds()
        delivery = Delivery(self.store, self.chat, live, self.services.clock, gap, lease)
        return Worker(
            self.store,
            delivery,
            Pipeline(self.services).drive,
            clicks.decide,
            timers,
            self.settings.worker,
            clicks.apologise,
        )

    def start_worker(self) -> None:
        """The index is read first in the background, and Snowflake is asked what this database does not know.

        Commands say so until the index is there; no start waits for Snowflake.
        """
        for first in (self.timers.refresh_index, self.timers.reconcile):
            threading.Thread(target=first, name=f"first {first.__name__}", daemon=True).start()
        self.worker.start()

    def app(self) -> App:
        """The Bolt app over this service's store; the worker is woken when it runs in this process."""
        door = Chat(self.settings, timeout=_AT_ONCE)
        desk = Desk(
            self.store,
            self.settings,
            home_of(self.chat),
            wake=self.worker.wake,
            clock=self.services.clock,
            env_user=lambda by: env_user(self.services, by),
            present=lambda channel: require_presence(door, channel),
        )
        return build_app(desk, self._client(self.settings.secrets.slack_bot_token), self.settings)

    def listen(self) -> None:
        """Socket Mode with an app token, else HTTP with a signing secret; returns when requests are answered.

        Raises RefreshError when neither is set.
        """
        token = self.settings.secrets.slack_app_token
        if token.get_secret_value():
            self._socket = socket_mode.connect(self.app(), token.get_secret_value(), self._client(token))
        elif self.settings.secrets.slack_signing_secret.get_secret_value():
            self.http = HttpServer(self.app(), self.settings.secrets.port)
            self.http.start()
        else:
            raise RefreshError(no_way_in())

    def _client(self, token: SecretStr) -> WebClient:
        return WebClient(token=token.get_secret_value(), base_url=self.settings.secrets.slack_api_url)

    def stop(self, drain_seconds: float = 15.0) -> None:
        """Stop listening, then let running steps end for that long."""
        if self._socket is not None:
            socket_mode.hang_up(self._socket, _ANSWERED_WITHIN)
        if self.http is not None:
            self.http.stop()
        self.worker.stop(drain_seconds)
        if not self._keeps_project:
            self.services.project.stop()
        self.store.close()
