"""Moments of a story that is played once and gone on from many times: what Snowflake, the bot and Slack had then.

A moment is reached by the real bot with a real build. Going on from it is what a restart of the bot is: another
process on the same database, after the leases of the first have lapsed.
"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.slack import SlackSandbox

if TYPE_CHECKING:
    from tests.stories.conftest import Stage

FACT_ASKED = "fact_ethereum_daily_dex_volumes at=2026-04-08"
EZ_ASKED = "ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total_economic_activity"
_FACT = "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES"
_SHOWN = ("messages", "ephemerals", "files")  # of Slack's state: what people saw; screens and triggers are gone
_FIRST_CHECK = "'baseline' AS side"
_LEASED = ("refreshes", "outbox", "live_messages", "clicks")


@dataclass(frozen=True, kw_only=True)
class Moment:
    snowflake: Any
    database: Path
    shown: dict[str, Any]

    @classmethod
    def of(cls, stage: Stage, database: Path) -> Moment:
        """Everything as it is now. The bot may be running: the database is copied in one transaction."""
        keep_database(stage, database)
        state = stage.world.slack.state
        with state.changed:
            shown = {name: copy.deepcopy(getattr(state, name)) for name in _SHOWN}
        return cls(snowflake=stage.world.snowflake.save(), database=database, shown=shown)

    def bring_back(self, slack: SlackSandbox, database: Path) -> None:
        """Into a Slack that has not been started, and a database that is not there yet."""
        database.write_bytes(self.database.read_bytes())
        for name, value in self.shown.items():
            setattr(slack.state, name, copy.deepcopy(value))


def keep_database(stage: Stage, database: Path) -> None:
    """A copy of the bot's database as it is now, in one transaction; nobody holds anything in it."""
    path = stage.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(database)) as kept:
        now.backup(kept)
        for table in _LEASED:
            kept.execute(f"UPDATE {table} SET owner = NULL, lease_until = NULL, not_before = NULL")
        kept.commit()


class Moments:
    """`stage` opens a stage at a moment. Each is reached when it is first asked for, so one real build serves many."""

    def __init__(self, directory: Path, stage: Callable[[Path, Moment | None], AbstractContextManager[Stage]]) -> None:
        self._directory = directory
        self._stage = stage
        self._known: dict[str, Moment] = {}

    def get(self, name: str) -> Moment:
        """built: dbt is done, nothing compared. awaiting: nobody did anything yet. explained: it can be approved.
        done: promoted and verified. ez: the backfill of two columns, awaiting.
        """
        if name not in self._known:
            {"built": self._build, "awaiting": self._build, "explained": self._explain, "done": self._promote}.get(
                name, self._backfill
            )()
        return self._known[name]

    def _keep(self, name: str, stage: Stage) -> None:
        self._known[name] = Moment.of(stage, self._directory / f"{name}.db")

    def _open(self, name: str, begin: str = "") -> AbstractContextManager[Stage]:
        moment = self.get(begin) if begin else None
        path = self._directory / name
        path.mkdir()
        return self._stage(path, moment)

    def _build(self) -> None:
        with self._open("awaiting") as stage:
            stage.world.snowflake.inject(_FIRST_CHECK, "hang", after=True)
            incident = stage.asks(FACT_ASKED)
            held = stage.running(_FIRST_CHECK)
            incident.wait_card("comparing with production")
            self._keep("built", stage)
            stage.release(held)
            incident.wait_card("waiting for approval")
            incident.wait_button("explain")
            stage.bot.stop()
            self._keep("awaiting", stage)

    def _explain(self) -> None:
        with self._open("explained", "awaiting") as stage:
            stage.explains(stage.incident())
            stage.bot.stop()
            self._keep("explained", stage)

    def _promote(self) -> None:
        with self._open("done", "explained") as stage:
            incident = stage.incident()
            stage.approves(incident, _FACT)
            incident.wait_card("done")
            incident.wait_button("undo")
            stage.bot.stop()
            self._keep("done", stage)

    def _backfill(self) -> None:
        with self._open("ez") as stage:
            stage.nightly_writes(_FACT, f"UPDATE {_FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
            incident = stage.asks(EZ_ASKED)
            incident.wait_card("waiting for approval")
            incident.wait_button("explain")
            stage.bot.stop()
            self._keep("ez", stage)
