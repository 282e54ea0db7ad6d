"""The incident plays itself in the terminal, and production is judged by an independent eye (`make demo ARGS=--rehearse`)."""

from __future__ import annotations

import re
import time
from collections import Counter

from sandbox.people import Incident, text_of
from sandbox.world import PROD_DATABASES, World

FACT = "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES"
EZ = "ETHEREUM.PROD_CORE.EZ_METRICS"
_VALUES = {
    FACT: "SELECT daily_volume FROM ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES WHERE date = '2026-04-08'",
    EZ: "SELECT dex_volumes FROM ETHEREUM.PROD_CORE.EZ_METRICS WHERE date = '2026-04-08'",
}


def rehearse(world: World) -> int:
    """Play both refreshes; 0 when each table was replaced exactly once, after its approval, and nothing else was written."""
    before = world.snowflake.census(set(PROD_DATABASES))
    values = _values(world)
    print("Before, 2026-04-08:", *(f"  {table}: {value}" for table, value in values.items()), sep="\n")
    approved = {
        FACT: _refresh(world, "R1", "fact_ethereum_daily_dex_volumes at=2026-04-08 warehouse=ANALYTICS_XL"),
        EZ: _refresh(
            world,
            "R2",
            "ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total_economic_activity "
            'reason="frozen Dune batch"',
        ),
    }
    print("\nAfter, 2026-04-08:", *(f"  {table}: {value}" for table, value in _values(world).items()), sep="\n")
    return judge(world, before, approved)


def _refresh(world: World, ref: str, request: str) -> int:
    """One refresh as two people do it; returns how many statements Snowflake had seen when it was approved."""
    control, incident = world.slack.control, Incident(world.slack.control, ref)
    print(f"\nalice: /dbt-refresh {request}")
    _ask(world, incident, request)
    incident.wait_card("waiting for approval")
    if incident.with_button("explain"):
        incident.click("bob", "explain")
        control.wait(lambda: control.modal("bob"), what="the form")
        control.submit("bob", "", {"reason": "upstream correction", "note": "Dune re-published the batch"})
        print("bob explains the outliers")
        incident.wait_reply("Explained by")
    incident.wait_button("approve")
    refused = incident.answered("alice", lambda: incident.click("alice", "approve"))
    print(f"alice clicks Approve; only she sees: {refused}")
    at = len(world.snowflake.log)
    incident.click("bob", "approve")
    incident.wait_card("done")
    incident.wait_reply("verified")
    for message in incident.thread:
        files = "".join(f"\n  [{f.get('name', f.get('title'))}]" for f in message.get("files", []))
        print(f"\n--- {message.get('username') or message.get('user')}\n{text_of(message)}{files}")
    return at


def _ask(world: World, incident: Incident, request: str) -> None:
    """The bot answers that it is still reading the dbt project for some seconds after its start: ask until it is done."""
    control = world.slack.control
    for _ in range(60):
        answer = incident.answered("alice", lambda: control.command("alice", request))
        if "is on its way" in answer:
            return
        time.sleep(1.0)
    raise TimeoutError("the dbt project was never read")


def _values(world: World) -> dict[str, str]:
    with world.snowflake.admin() as connection, connection.cursor() as cursor:
        found = {table: cursor.execute(sql).fetchone() for table, sql in _VALUES.items()}  # type: ignore[union-attr]
    return {table: f"{row[0]:,.2f}" for table, row in found.items()}  # type: ignore[index]


def judge(world: World, before: dict[str, tuple[int, int, str]], approved: dict[str, int]) -> int:
    """From the wire log and the census alone, never from what the bot says of itself."""
    after = world.snowflake.census(set(PROD_DATABASES))
    changed = {
        t for t in before.keys() | after.keys() if before.get(t) != after.get(t) and ".REFRESH_BACKUPS." not in t
    }
    log = list(world.snowflake.log)
    writes = world.snowflake.writes(set(PROD_DATABASES))
    mine = [w for w in writes if w.tag.startswith("dbt-refresh:") or w.user.startswith("REFRESH_")]
    print("\nStatements that wrote to a production database:")
    for w in mine:
        print(f"  {w.user} as {w.role}  [{w.tag}]\n    {' '.join(w.sql.split())}")
    replaced = Counter(t for w in mine for t in (FACT, EZ) if _replaces(w.sql, t))
    backed_up = Counter(t for w in mine for t in (FACT, EZ) if _backs_up(w.sql, t))
    early = [w for w in mine for t in (FACT, EZ) if _concerns(w.sql, t) and log.index(w) < approved[t]]
    problems = []
    if changed != {FACT, EZ}:
        problems.append(f"tables that changed: {sorted(changed)}")
    once = Counter({FACT: 1, EZ: 1})
    if replaced != once or backed_up != once:
        problems.append(f"replacements: {dict(replaced)}; backups: {dict(backed_up)}")
    candidates = {t: _candidate(w.sql) for w in mine for t in (FACT, EZ) if _replaces(w.sql, t)}
    built = world.snowflake.census({name.split(".")[0] for name in candidates.values()})
    other = [t for t, name in candidates.items() if name not in built or after[t][:2] != built[name][:2]]
    if other:
        problems.append(f"rows that are not those of the candidate: {sorted(other)}")
    if early:
        problems.append(f"{len(early)} statements were sent before the approval of their table")
    if len(mine) != 4 or any(w.error or w.user != "REFRESH_PROMOTER_SVC" for w in mine):
        problems.append(f"{len(mine)} statements instead of two backups and two clones")
    print(
        "\n"
        + ("\n".join(problems) or "Each table was replaced exactly once, after its approval; nothing else was written.")
    )
    return 1 if problems else 0


def _concerns(sql: str, table: str) -> bool:
    return table in sql.replace('"', "")


def _replaces(sql: str, table: str) -> bool:
    flat = _flat(sql)
    return flat.startswith("CREATE OR REPLACE") and f"TABLE {table} CLONE" in flat


def _candidate(sql: str) -> str:
    """What a replacing statement cloned."""
    return _flat(sql).partition(" CLONE ")[2].split()[0]


def _backs_up(sql: str, table: str) -> bool:
    flat = _flat(sql)
    return (
        re.match(r"CREATE (TRANSIENT )?TABLE \w+\.REFRESH_BACKUPS\.\w+ CLONE ", flat) is not None
        and f"CLONE {table}" in flat
    )


def _flat(sql: str) -> str:
    return " ".join(sql.replace('"', "").upper().split())
