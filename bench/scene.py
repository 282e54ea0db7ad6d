"""The world that chaos plays in: many small models over one source, people who ask, and a person who approves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.world import World

LEASE_SECONDS = 6
EXPIRES_SECONDS = 150
_ROWS = [f"('2026-01-{day:02d}', {1000 + day})" for day in range(1, 31)]
_PROJECT = "name: chaos\nprofile: chaos\n"
_OUTPUT = (
    "{{type: snowflake, account: sandbox, role: {role}, warehouse: ETHEREUM, database: {database}, schema: {schema}}}"
)
_PROFILES = """chaos:
  target: dev
  outputs:
    dev: {dev}
    prod: {prod}
"""
_POLICY = {
    'expires_after = "24h"': f'expires_after = "{EXPIRES_SECONDS}s"\nspot_check = "optional"\nrecovery = "auto"\nstale_poll = "15s"',
    "sweep_seconds = 0.5": f'sweep_seconds = 0.5\nlease = "{LEASE_SECONDS}s"\nstep_deadline = "5m"\nsteps = 2',
    "[warehouse]\naccount": '[warehouse]\nstatement_timeout = "8s"\nhistory_lag = "1s"\naccount',
    'DEV_USER = "refresh_bot"': 'DEV_USER = "refresh_bot"\nCHAOS_MANIFEST = "<MANIFEST>"',
}


class Scene:
    """Both sandboxes with `models` tables; `environ` is what a process of the bot is started with."""

    def __init__(self, directory: Path, models: int, database_url: str) -> None:
        self.world = World(directory)
        self._directory, self._url = directory, database_url
        self.models = [f"m_{n:02d}" for n in range(models)]
        self.quorum = {m: 2 if n % 4 == 3 else 1 for n, m in enumerate(self.models)}

    def start(self) -> None:
        self.world.start()
        admin = ["CREATE SCHEMA RAW.CHAOS", "GRANT USAGE ON SCHEMA RAW.CHAOS TO ROLE REFRESH_BUILDER"]
        admin += ["GRANT USAGE, CREATE TABLE ON SCHEMA RAW.CHAOS TO ROLE TRANSFORMER"]
        self.world.snowflake.run_script(";".join(admin))
        for model in self.models:
            self._nightly(
                f"CREATE TABLE RAW.CHAOS.{model} (DAY DATE, AMOUNT NUMBER(38,2))",
                f"INSERT INTO RAW.CHAOS.{model} VALUES " + ", ".join(_ROWS),
                f"CREATE TRANSIENT TABLE ANALYTICS.PROD.{model} AS SELECT DAY, AMOUNT FROM RAW.CHAOS.{model}",
            )
        self.world.snowflake.run_script("GRANT SELECT ON ALL TABLES IN SCHEMA RAW.CHAOS TO ROLE REFRESH_BUILDER")
        self._write_project()

    def stop(self) -> None:
        self.world.stop()

    def source_moves(self, model: str) -> None:
        """The source is corrected a little, so that a refresh has something to change and nothing to explain."""
        self._nightly(f"UPDATE RAW.CHAOS.{model} SET AMOUNT = AMOUNT + 1 WHERE DAY = '2026-01-20'")

    def source_jumps(self, model: str) -> None:
        """By so much that somebody has to explain it; back where it came too far."""
        jump = "CASE WHEN AMOUNT > 3000 THEN 1021 ELSE AMOUNT * 1.5 END"
        self._nightly(f"UPDATE RAW.CHAOS.{model} SET AMOUNT = {jump} WHERE DAY = '2026-01-20'")

    def source_loses(self, model: str) -> None:
        """A day that production still has, so that somebody has to waive it."""
        self._nightly(f"DELETE FROM RAW.CHAOS.{model} WHERE DAY = (SELECT MIN(DAY) FROM RAW.CHAOS.{model})")

    def somebody_writes(self, model: str) -> None:
        """Somebody else's write to production; the next refresh puts it right."""
        self._nightly(f"UPDATE ANALYTICS.PROD.{model} SET AMOUNT = AMOUNT + 1 WHERE DAY = '2026-01-21'")

    def somebody_grants(self, model: str, *, back: bool) -> None:
        """Somebody else may read production from now on; `back`: no longer."""
        how = "REVOKE SELECT ON TABLE {} FROM" if back else "GRANT SELECT ON TABLE {} TO"
        self._admin(f"{how.format(f'ANALYTICS.PROD.{model}')} ROLE DASHBOARD")

    def somebody_takes_over(self, model: str) -> None:
        """Production belongs to a role that the bot does not have."""
        self._own(model, "SYSADMIN")

    def somebody_gives_back(self, model: str) -> None:
        self._own(model, "TRANSFORMER")

    def _own(self, model: str, role: str) -> None:
        self._admin(f"GRANT OWNERSHIP ON TABLE ANALYTICS.PROD.{model} TO ROLE {role} COPY CURRENT GRANTS")

    def _admin(self, sql: str) -> None:
        with self.world.snowflake.admin() as connection, connection.cursor() as cursor:
            cursor.execute(sql)

    def let_go(self, query_id: str) -> None:
        """A statement that a fault holds once its work is done."""
        self._admin(f"SELECT SYSTEM$CANCEL_QUERY('{query_id}')")

    @property
    def environ(self) -> dict[str, str]:
        return self.world.environ(DATABASE_URL=self._url)

    def _nightly(self, *statements: str) -> None:
        with self.world.snowflake.connect("DBT_NIGHTLY", "nightly") as connection, connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def _write_project(self) -> None:
        project = self._directory / "chaos"
        project.mkdir()
        dev = _OUTPUT.format(role="REFRESH_BUILDER", database="DEV", schema="DEV_REFRESH_BOT")
        prod = _OUTPUT.format(role="TRANSFORMER", database="ANALYTICS", schema="PROD")
        (project / "dbt_project.yml").write_text(_PROJECT)
        (project / "profiles.yml").write_text(_PROFILES.format(dev=dev, prod=prod))
        manifest, state = project / "dev.json", project / "state"
        state.mkdir()
        manifest.write_text(json.dumps(_manifest(self.quorum, "DEV.DEV_REFRESH_BOT")))
        (state / "manifest.json").write_text(json.dumps(_manifest(self.quorum, "ANALYTICS.PROD")))
        settings = self.world.write_settings()
        text = settings.read_text()
        for before, after in _POLICY.items():
            assert before in text, before
            text = text.replace(before, after.replace("<MANIFEST>", str(manifest)))
        lines = [
            f'project_dir = "{project}"\nstate = "{state}"\nwarm_mb = 0' if x.startswith("project_dir") else x
            for x in text.splitlines()
        ]
        policy = self._directory / "chaos.toml"
        policy.write_text("\n".join(lines) + "\n")
        self.world.write_settings = lambda **_: policy  # type: ignore[method-assign]


def _manifest(quorum: dict[str, int], schema: str) -> dict[str, Any]:
    nodes = {f"model.chaos.{m}": _model(m, n, schema) for m, n in quorum.items()}
    sources = {f"source.chaos.{m}": {"relation_name": f"RAW.CHAOS.{m}"} for m in quorum}
    return {"metadata": {"project_name": "chaos"}, "nodes": nodes, "sources": sources, "macros": {}}


def _model(name: str, quorum: int, schema: str) -> dict[str, Any]:
    refresh = {"grain": ["day"], "date_column": "day", "quorum": quorum}
    return {
        "unique_id": f"model.chaos.{name}",
        "resource_type": "model",
        "name": name,
        "package_name": "chaos",
        "original_file_path": f"models/{name}.sql",
        "fqn": ["chaos", name],
        "relation_name": f"{schema}.{name}",
        "raw_code": f"select DAY, AMOUNT from RAW.CHAOS.{name}",
        "depends_on": {"nodes": [f"source.chaos.{name}"], "macros": []},
        "config": {"materialized": "table", "meta": {"refresh": refresh}},
        "checksum": {"checksum": "1"},
    }
