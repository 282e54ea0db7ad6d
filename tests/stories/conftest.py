"""The stage of the stories: both sandboxes, the real bot in this process, and an eye on production that trusts no log.

The sandbox Snowflake is seeded once per test process and put back to that state before each story; the dbt project is
read once. Every story ends with `Stage.judge`: production changed only where the story says it was approved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from bot.dbt_project import Project
from bot.index import Index
from bot.service import Service
from bot.settings import Settings
from bot.store import BACKUPS
from sandbox.people import Incident
from sandbox.slack import SlackControl
from sandbox.slack.interactions import Place
from sandbox.snowflake.log import Statement
from sandbox.snowflake.state import Saved
from sandbox.world import PROD_DATABASES, World, local_slack
from tests.stories.moments import Moment, Moments

FACT = "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES"
EZ = "ETHEREUM.PROD_CORE.EZ_METRICS"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the stories of a test process share: the seeded world as it was saved, and the project, read once and warm."""

    world: World
    saved: Saved
    project: Project
    index: Index
    data: Path  # where the project was read
    dbt: dict[str, Path] = field(default_factory=dict)  # settings of `[dbt]` that are another project's


class Clock:
    """The bot's clock, which a story moves on, and Snowflake's with it; or sets wrong."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._passed = self._wrong = timedelta()
        self.advance()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._passed + self._wrong

    def advance(self, **span: float) -> None:
        """Time passes, for everybody."""
        self._passed += timedelta(**span)
        self._world.snowflake.set_clock(self._passed)

    def step(self, **span: float) -> None:
        """Only the bot's clock is set."""
        self._wrong += timedelta(**span)


@dataclass(kw_only=True)
class Stage:
    """One story's bot and people. `approved`: how often each production table may have been replaced."""

    world: World
    settings: Settings
    parts: Parts
    bot: Service
    clock: Clock
    before: dict[str, tuple[int, int, str]]
    seen: int  # statements in Snowflake's log before the story
    approved: Counter[str] = field(default_factory=Counter)
    first_approval: int | None = None
    nightly: set[str] = field(default_factory=set)  # tables that somebody else wrote on purpose
    refused_on_purpose: set[str] = field(default_factory=set)  # ids of attempts that the story itself made
    backups_over: frozenset[str] = frozenset()  # backups whose time is over, which the janitor may drop

    @property
    def slack(self) -> SlackControl:
        return self.world.slack.control

    def asks(self, text: str, user: str = "alice", ref: str = "R1", channel: str = "C0INCIDENTS") -> Incident:
        """Ask for a refresh; returns its conversation. The answer to the command is private."""
        receipt = self.slack.command(user, text, channel)
        assert receipt.ok, receipt
        return Incident(self.slack, ref, channel)

    def incident(self, ref: str = "R1") -> Incident:
        """The conversation about a refresh that was asked for before."""
        return Incident(self.slack, ref)

    def told(self, user: str, text: str, channel: str = "C0INCIDENTS") -> str:
        """Type a command and return the private answer."""
        incident = Incident(self.slack, "R0", channel)
        return incident.answered(user, lambda: self.slack.command(user, text, channel))

    def explains(self, incident: Incident, user: str = "bob") -> None:
        """Give one reason for every group."""
        incident.click(user, "explain")
        self.slack.wait(lambda: self.slack.modal(user), what="the form")
        receipt = self.slack.submit(user, "", {"reason": "upstream correction", "note": "Dune re-published"})
        assert receipt.ok, receipt
        incident.wait_button("approve")

    def approves(self, incident: Incident, table: str, user: str = "bob") -> None:
        self.note_approval(table)
        incident.click(user, "approve")

    def note_approval(self, table: str) -> None:
        self.approved[table] += 1
        if self.first_approval is None:
            self.first_approval = len(self.world.snowflake.log)

    def value(self, sql: str) -> object:
        """One value, read as the administrator."""
        with self.world.snowflake.admin() as connection, connection.cursor() as cursor:
            row = cursor.execute(sql).fetchone()
        return row[0] if row else None

    def presses(self, user: str, message: dict[str, Any], action: str, channel: str = "C0INCIDENTS") -> None:
        """Press a button as a person does whose screen still shows `message` as it was."""
        workspace = self.slack.state.workspace
        person, where = workspace.person(user), workspace.channel(channel)
        place = Place(person=person, blocks=message["blocks"], channel=where, message=message)
        assert self.slack.interactions.act(place, action).ok

    def forget_backups(self) -> None:
        """From here on the janitor may drop the backups that the bot has recorded."""
        made = self.bot.store.due_objects(self.clock())
        self.backups_over = frozenset(str(o.relation) for o in made if o.kind in BACKUPS)
        self.first_approval = self.first_approval or len(self.world.snowflake.log)

    def running(self, words: str) -> Statement:
        """Wait until a fault holds a statement that says `words`: what it does before is done by then; returns it."""
        pattern = re.compile(words, re.IGNORECASE | re.DOTALL)

        def found(log: Sequence[Statement]) -> Statement | None:
            return next((s for s in log if s.held and s.status == "RUNNING" and pattern.search(s.sql)), None)

        statement = self.world.snowflake.wait(found, what=words)
        assert statement is not None
        return statement

    def idle(self) -> bool:
        """Wait until nothing runs at Snowflake any more."""
        return self.world.snowflake.wait(lambda log: all(s.status != "RUNNING" for s in log), what="nothing running")

    def release(self, statement: Statement) -> None:
        """Let a statement go on that a fault holds after its work is done, and not before it is."""
        self.world.snowflake.wait(lambda _: statement.held or statement.ended, what="the statement held")
        self.value(f"SELECT SYSTEM$CANCEL_QUERY('{statement.query_id}')")

    def nightly_writes(self, table: str, sql: str) -> None:
        """Somebody else's load of a production table."""
        self.nightly.add(table)
        with self.world.snowflake.connect("DBT_NIGHTLY", "nightly") as connection, connection.cursor() as cursor:
            cursor.execute(sql)

    def as_admin(self, *statements: str) -> None:
        """What administrators do, such as a change of grants."""
        with self.world.snowflake.admin() as connection, connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def as_builder(self, *statements: str) -> None:
        """Something that the bot's own dev user has left behind."""
        key = load_pem_private_key(self.world.key_file("builder").read_bytes(), None)
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        connect = self.world.snowflake.connect
        with (
            connect("REFRESH_BUILDER_SVC", private_key=der, warehouse="ETHEREUM") as session,
            session.cursor() as cursor,
        ):
            for sql in statements:
                cursor.execute(sql)

    def restart(self) -> None:
        """The bot's process ends and another begins on the same database."""
        self.bot.stop(drain_seconds=0.0)
        self.slack.wait(lambda: not self.slack.connections(), what="the first process gone")
        self.bot = start(self.settings, self.parts, self.clock)
        self.slack.wait_connected()

    def judge(self) -> None:
        """From the wire log and from a census of every table: only what was approved, once each, after its approval."""
        snowflake = self.world.snowflake
        after = snowflake.census(set(PROD_DATABASES))
        changed = {t for t in self.before.keys() | after.keys() if self.before.get(t) != after.get(t)}
        changed = {t for t in changed if ".REFRESH_BACKUPS." not in t}
        assert changed - self.nightly == set(self.approved) - self.nightly
        ours = [w for w in snowflake.writes(set(PROD_DATABASES)) if w.user not in ("ADMIN", "DBT_NIGHTLY")]
        ours = [w for w in ours if not (w.error and w.query_id in self.refused_on_purpose)]
        log = list(snowflake.log)
        for write in ours:
            flat = " ".join(write.sql.replace('"', "").upper().split())
            assert write.user == "REFRESH_PROMOTER_SVC", flat
            assert write.tag.startswith("dbt-refresh:"), flat
            assert self.first_approval is not None, f"written before any approval: {flat}"
            assert log.index(write) >= self.first_approval, f"written before the approval: {flat}"
        replaced: Counter[str] = Counter()
        for write in ours:
            if write.error:
                continue
            flat = " ".join(write.sql.replace('"', "").upper().split())
            target = flat.split(" TABLE ", 1)[1].split()[0]
            if flat.startswith("DROP TABLE IF EXISTS"):
                assert flat.split()[-1] in self.backups_over, flat
            elif flat.startswith("ALTER TABLE") and " RENAME TO " in flat:  # the fence of an undo in doubt
                assert ".REFRESH_BACKUPS." in target, flat
                assert flat.split()[-1].startswith(target.rsplit(".", 1)[0]), flat
            elif ".REFRESH_BACKUPS." in target:
                assert flat.startswith(("CREATE TRANSIENT TABLE", "CREATE TABLE")), flat
            elif flat.startswith("CREATE OR REPLACE"):
                assert flat.endswith("COPY GRANTS") or flat.endswith("COPY TAGS"), flat
                replaced[target] += 1
            else:
                assert flat.endswith("RESUME RECLUSTER"), flat
        assert replaced == self.approved


def start(settings: Settings, parts: Parts, clock: Clock) -> Service:
    bot = Service(settings, clock=clock, gap=0.0, project=parts.project)
    bot.store.put_index(parts.index)
    bot.worker.start()
    bot.listen()
    return bot


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    world = World(tmp_path_factory.mktemp("world"))
    world.start()
    data = tmp_path_factory.mktemp("project")
    project = Project(Settings.load(world.environ()), data / "project", warm=True)
    yield Parts(world=world, saved=world.snowflake.save(), project=project, index=project.index(), data=data)
    project.stop()
    world.stop()


@pytest.fixture(scope="session")
def moments(project: Parts, tmp_path_factory: pytest.TempPathFactory) -> Moments:
    return Moments(tmp_path_factory.mktemp("moments"), lambda path, moment: staged(project, path, {}, moment))


@pytest.fixture
def stage(project: Parts, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A fresh stage. `@pytest.mark.settings(policy={...}, slack={...}, models=(...))` changes settings.

    `@pytest.mark.moment("awaiting")` begins at a moment of `moments.py`.
    """
    changes = {k: v for m in request.node.iter_markers("settings") for k, v in m.kwargs.items()}
    marked = request.node.get_closest_marker("moment")
    moment = request.getfixturevalue("moments").get(marked.args[0]) if marked else None
    with staged(project, tmp_path, changes, moment) as stage:
        yield stage


@contextmanager
def staged(
    project: Parts,
    tmp_path: Path,
    changes: dict[str, Any],
    moment: Moment | None = None,
    before_it: Callable[[World], object] = lambda _: None,
) -> Iterator[Stage]:
    """A fresh Slack, Snowflake as seeded, an empty database, and the bot; or all as it was at `moment`.

    `before_it` is called before the bot starts. Judged when the story was played to its end.
    """
    world = project.world
    world.snowflake.restore(moment.snowflake if moment else project.saved)
    world.slack.stop()
    world.slack = local_slack()
    if moment:
        moment.bring_back(world.slack, tmp_path / "refresh.db")
    world.slack.start()
    settings = Settings.load(world.environ(DATABASE_URL=f"sqlite:///{tmp_path / 'refresh.db'}"))
    ours = {
        "slack": {"channels": ("C0INCIDENTS", "C0SHARED")},
        "worker": {"data_dir": project.data, "sweep_seconds": 0.2, "retry_seconds": 0.05},
        "dbt": project.dbt,
    }
    for name, new in [*ours.items(), *changes.items()]:
        settings = settings.model_copy(update={name: _changed(settings, name, new)})
    before, seen = world.snowflake.census(set(PROD_DATABASES)), len(world.snowflake.log)
    clock = Clock(world)
    before_it(world)
    bot = start(settings, project, clock)
    stage = Stage(world=world, settings=settings, parts=project, bot=bot, clock=clock, before=before, seen=seen)
    world.slack.control.wait_connected()
    try:
        yield stage
    finally:
        stage.bot.stop(drain_seconds=5.0)
    stage.judge()


def _changed(settings: Settings, name: str, new: Any) -> Any:
    """A section with some values changed, or something that is no section as a whole."""
    return getattr(settings, name).model_copy(update=new) if isinstance(new, dict) else new
