"""Every wrong input and every refusal that needs no build is one private sentence that says what to do (design 2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.model import Relation
from sandbox.people import actions_of
from tests.stories.conftest import Parts, Stage, staged

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)

# What is typed, and the whole answer.
WRONG = {
    "an unknown model": (
        "ez_etherium_metrics",
        "`ez_etherium_metrics` is not a model of this project. Did you mean `ez_ethereum_metrics` "
        "(ETHEREUM.PROD_CORE.EZ_METRICS) or `ez_solana_metrics` (ANALYTICS.PROD_CORE.EZ_METRICS)?",
    ),
    "a name like nothing": (
        "customers",
        "`customers` is not a model of this project. `/dbt-refresh` alone opens a form that searches as you type.",
    ),
    "a table name of two models": (
        "EZ_Metrics",
        "`EZ_Metrics` is the table name of 2 models. Say which: `ez_ethereum_metrics` or `ez_solana_metrics`.",
    ),
    "a person": (
        "@bob",
        "`@bob` is a person, a channel or a link, not a model: write the dbt name or `database.schema.table`.",
    ),
    "options without a model": (
        "at=2026-04-08",
        "Which model? Write `/dbt-refresh <model>`, or `/dbt-refresh` alone for a form.",
    ),
    "a backfill without a date": (
        "ez_ethereum_metrics backfill",
        f"A backfill needs a date: `/dbt-refresh ez_ethereum_metrics backfill {YESTERDAY}`.",
    ),
    "a backfill with two dates": (
        "ez_ethereum_metrics backfill 2026-04-08 2026-04-10",
        "A backfill has one date, from which it repairs; I read 2026-04-08 and 2026-04-10. "
        "The dates that are wrong go into `at=2026-04-10`.",
    ),
    "a date alone": (
        "ez_ethereum_metrics 2026-04-08",
        "What about 2026-04-08? To repair from that day on: `/dbt-refresh ez_ethereum_metrics backfill 2026-04-08`; "
        "to rebuild everything and look at that day: `/dbt-refresh ez_ethereum_metrics at=2026-04-08`.",
    ),
    "a date in the future": (
        f"ez_ethereum_metrics backfill {TOMORROW}",
        f"{TOMORROW} lies in the future (today is {TODAY} in UTC): check the year and the month.",
    ),
    "a wrong date in the future": (
        f"fact_ethereum_daily_dex_volumes at={TOMORROW}",
        f"{TOMORROW} lies in the future (today is {TODAY} in UTC): check the year and the month.",
    ),
    "a date of another country": (
        "ez_ethereum_metrics backfill 08/04/2026",
        "`08/04/2026` is not a date I can read: write it as `2026-04-08` (year, month, day).",
    ),
    "a wrong date before the window": (
        "ez_ethereum_metrics backfill 2026-04-08 at=2026-04-01",
        "2026-04-01 lies before the backfill date 2026-04-08 and would not be repaired: backfill from 2026-04-01.",
    ),
    "both modes": (
        "ez_ethereum_metrics full-refresh backfill 2026-04-08",
        "A refresh is either a full refresh or a backfill: leave one of the two words out.",
    ),
    "columns without a backfill": (
        "fact_ethereum_daily_dex_volumes columns=trades",
        f"`columns=` works with a backfill only, a full refresh rebuilds every column: "
        f"`/dbt-refresh fact_ethereum_daily_dex_volumes backfill {YESTERDAY} columns=...`, or leave it out.",
    ),
    "no column's name": (
        "ez_ethereum_metrics backfill 2026-04-08 columns=dex-volumes",
        "`dex-volumes` cannot be a column's name: write `columns=a,b`, separated by commas.",
    ),
    "an option without a value": (
        "ez_ethereum_metrics backfill 2026-04-08 columns=",
        "`columns=` has no value: write it as `columns=a,b`.",
    ),
    "an option twice": (
        "ez_ethereum_metrics backfill 2026-04-08 columns=fees columns=tvl",
        "`columns=` stands there twice: say it once.",
    ),
    "a misspelt option": (
        "ez_ethereum_metrics backfill 2026-04-08 colums=fees",
        "There is no option `colums=`. Did you mean `columns=`?",
    ),
    "a word too many": (
        "fact_ethereum_daily_dex_volumes please",
        "I do not know what `please` means after `fact_ethereum_daily_dex_volumes`. "
        "A note goes into `reason=...`, columns into `columns=a,b`; `/dbt-refresh help` shows all.",
    ),
    "no warehouse's name": (
        "fact_ethereum_daily_dex_volumes warehouse=big!",
        "`big!` cannot be a warehouse's name: write `warehouse=NAME`.",
    ),
    "a warehouse that is not allowed": (
        "fact_ethereum_daily_dex_volumes warehouse=NIGHTLY",
        "`NIGHTLY` is not a warehouse I may use: write `ETHEREUM` or `ANALYTICS_XL`, or leave `warehouse=` out.",
    ),
    "no number of a refresh": (
        "status yesterday",
        "`yesterday` is not the number of a refresh: write `/dbt-refresh status R42`; `/dbt-refresh list` shows them.",
    ),
    "a refresh that is not there": ("cancel R7", "There is no R7; `/dbt-refresh list` shows the last ones."),
    "cancel what": (
        "cancel",
        "Which one? Write `/dbt-refresh cancel R42`; `/dbt-refresh list` shows what is going on.",
    ),
    "a command for a button": (
        "approve R1",
        "There is no command to approve: the button stands in the thread of the refresh. `/dbt-refresh list` links to it.",
    ),
    "a view": (
        "dex_share",
        "`dex_share` is a view: it holds no rows of its own and shows new data at once. "
        "Refresh what it reads: `fact_ethereum_daily_dex_volumes` and `fact_solana_daily_dex_volumes`.",
    ),
    "an ephemeral model": (
        "stg_dune_dex_volumes",
        "`stg_dune_dex_volumes` is ephemeral: it is a part of other models' SQL and has no table. "
        "Refresh what is built from it: `fact_ethereum_daily_dex_volumes` and `fact_solana_daily_dex_volumes`.",
    ),
    "a disabled model": (
        "ez_ethereum_metrics_legacy",
        "`ez_ethereum_metrics_legacy` is disabled in dbt, so nothing would be built: "
        "enable it, let production build it once, ask again.",
    ),
    "a Python model": (
        "fact_address_labels",
        "`fact_address_labels` is a Python model, which I cannot build and compare safely: rerun it by hand.",
    ),
    "a seed": (
        "chains",
        "`chains` is a seed: its rows are a file of the project, so correct the file and deploy it.",
    ),
    "a backfill of a table": (
        "fact_ethereum_daily_dex_volumes backfill 2026-04-08",
        "`fact_ethereum_daily_dex_volumes` is a `table`: dbt builds it whole each time, so a backfill is a full refresh: "
        "`/dbt-refresh fact_ethereum_daily_dex_volumes at=2026-04-08`.",
    ),
    "a backfill without a key": (
        "fact_ethereum_bridge_transfers backfill 2026-04-08",
        "`fact_ethereum_bridge_transfers` has no `unique_key`: a backfill would add its rows a second time. "
        "What works: a full refresh, `/dbt-refresh fact_ethereum_bridge_transfers at=2026-04-08`.",
    ),
    "a model that ignores the date": (
        "fact_ethereum_gas backfill 2026-04-08",
        "`fact_ethereum_gas` never reads `backfill_date`: a backfill would be an ordinary incremental run and repair "
        "nothing. What works: a full refresh, `/dbt-refresh fact_ethereum_gas at=2026-04-08`.",
    ),
    "a full refresh that dbt would ignore": (
        "ez_ethereum_metrics at=2026-04-08",
        "`ez_ethereum_metrics` sets `full_refresh: false`, so dbt would ignore a full refresh. It honours "
        "`backfill_date`: `/dbt-refresh ez_ethereum_metrics backfill 2026-04-08`.",
    ),
    "a full refresh that dbt would ignore, of no day in particular": (
        "ez_ethereum_metrics",
        "`ez_ethereum_metrics` sets `full_refresh: false`, so dbt would ignore a full refresh. It honours "
        "`backfill_date`: `/dbt-refresh ez_ethereum_metrics backfill <date>`.",
    ),
}


@pytest.fixture(scope="module")
def desk(project: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all of them: a refusal leaves nothing behind, which is judged at the end."""
    with staged(project, tmp_path_factory.mktemp("refusals"), {}) as stage:
        yield stage
        assert stage.slack.channel() == []  # not one card
        assert not [
            s for s in stage.world.snowflake.log if s.user.startswith("REFRESH_")
        ]  # and nothing was asked there


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_is_answered_privately_with_what_to_do(desk: Stage, wrong: str) -> None:
    typed, sentence = WRONG[wrong]
    assert desk.told("alice", typed) == sentence


def test_what_would_work_instead_is_a_button(desk: Stage) -> None:
    """`full_refresh: false` offers the backfill, an ambiguous name each model, a backfill without a date the whole command."""
    offers = {
        "ez_ethereum_metrics at=2026-04-08": ["ez_ethereum_metrics backfill 2026-04-08"],
        "ez_metrics backfill 2026-04-08": [
            "ez_ethereum_metrics backfill 2026-04-08",
            "ez_solana_metrics backfill 2026-04-08",
            "ez_metrics backfill 2026-04-08",
        ],
        "fact_ethereum_gas backfill 2026-04-08": ["fact_ethereum_gas at=2026-04-08"],
        "ez_ethereum_metrics backfill": [f"ez_ethereum_metrics backfill {YESTERDAY}"],
    }
    for typed, commands in offers.items():
        desk.told("alice", typed)
        said = desk.slack.private("alice")[-1]
        buttons = [e for block in said["blocks"] for e in block.get("elements", []) if e.get("type") == "button"]
        assert [b["value"] for b in buttons] == commands
        assert actions_of(said) <= {"offer:0", "offer:1", "form"}


def test_a_name_in_two_packages_offers_both_full_names(desk: Stage) -> None:
    own = desk.parts.index.by_id["model.onchain.fact_ethereum_gas"]
    other = replace(
        own,
        unique_id="model.chain_kit.fact_ethereum_gas",
        package="chain_kit",
        prod=Relation("ANALYTICS", "KIT", "GAS"),
    )
    desk.bot.store.put_index(replace(desk.parts.index, entries=(*desk.parts.index.entries, other)))
    told = desk.told("alice", "fact_ethereum_gas at=2026-04-08")
    desk.bot.store.put_index(desk.parts.index)
    assert told == (
        "`fact_ethereum_gas` fits 2 models. Say which: `chain_kit.fact_ethereum_gas` or `onchain.fact_ethereum_gas`."
    )
    buttons = [e["value"] for b in desk.slack.private("alice")[-1]["blocks"] for e in b.get("elements", [])]
    assert buttons[:2] == [
        "chain_kit.fact_ethereum_gas at=2026-04-08",
        "onchain.fact_ethereum_gas at=2026-04-08",
    ]


def test_a_channel_that_is_not_configured_is_named_the_right_one(desk: Stage) -> None:
    sentence = "Refreshes are asked for in <#C0INCIDENTS> or <#C0SHARED>, so that everybody there sees them."
    for typed in ("fact_ethereum_gas", "plan fact_ethereum_gas", "hold fact_ethereum_gas", ""):
        assert desk.told("alice", typed, channel="C0GENERAL") == sentence
    assert desk.slack.modal("alice") is None
