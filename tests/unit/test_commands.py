"""The grammar: what people really type is read, everything else gets one sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Ask, Cancel, Form, Help, Hold, List, PlanOnly, Status, Unhold, parse, write
from bot.errors import Refusal
from bot.index import Entry, Index
from bot.lookup import NoSuchModel, find, options
from bot.model import Mode, Relation, Request

TODAY = date(2026, 4, 21)
THE_DAY = date(2026, 4, 8)


def asked(text: str) -> Request:
    command = parse(text, TODAY)
    assert isinstance(command, Ask)
    return command.request


def refused(text: str) -> str:
    with pytest.raises(Refusal) as caught:
        parse(text, TODAY)
    return caught.value.user_text


BACKFILL = Request(model="ethereum.ez_metrics", mode=Mode.BACKFILL, since=THE_DAY, columns=("dex_volumes", "total"))


@pytest.mark.parametrize(
    "text",
    [
        "ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total",
        "ethereum.ez_metrics BACKFILL 2026/04/08 columns=dex_volumes, total",
        "ethereum.ez_metrics backfill 2026-4-8 columns = dex_volumes , total",
        "ethereum.ez_metrics backfill 20260408 Columns=dex_volumes total",
        "backfill ethereum.ez_metrics 2026-04-08 --columns dex_volumes,total",
        "ethereum.ez_metrics —backfill 2026–04–08 —columns=dex_volumes,total",
        "<http://ethereum.ez|ethereum.ez>_metrics backfill 2026-04-08 columns=“dex_volumes, total”",
        "<http://ethereum.ez_metrics> backfill 2026-04-08 columns=`dex_volumes`,`total`",
        "`ethereum.ez_metrics` backfill 2026-04-08 columns 'dex_volumes' total",
        "columns=dex_volumes,total ethereum.ez_metrics backfill 2026-04-08",
    ],
)
def test_ways_to_write_the_same_backfill(text):
    assert asked(text) == BACKFILL


@pytest.mark.parametrize("flag", ["", " full-refresh", " --full-refresh", " —full-refresh", " --full", " Full Refresh"])
def test_full_refresh_is_the_default_and_may_be_said(flag):
    assert asked("fact_x" + flag) == Request(model="fact_x")


def test_options():
    request = asked("fact_x at=2026-04-08, 2026-04-09 warehouse=ANALYTICS_XL reason=“frozen Dune batch’s twin”")
    assert request.at == (THE_DAY, date(2026, 4, 9))
    assert request.warehouse == "ANALYTICS_XL"
    assert request.reason == "frozen Dune batch's twin"


def test_reason_needs_no_quotes_and_runs_to_the_next_option():
    request = asked("fact_x reason=Dune re-published at 9 — backfill of &lt;04-08&gt; warehouse=XL")
    assert (request.reason, request.warehouse) == ("Dune re-published at 9 — backfill of <04-08>", "XL")


@given(st.text(max_size=60) | st.text("“”„«»\"'‘’＂〝 =<>|&;x-—", max_size=30))
def test_whatever_a_reason_holds_it_stays_the_reason(reason):
    """On a button, which carries the command again."""
    request = replace(BACKFILL, warehouse="XL", reason=" ".join(reason.split()))
    again = asked(write(request))
    assert replace(again, reason="") == replace(request, reason="")


def test_other_commands():
    assert parse("  ", TODAY) == Form()
    assert parse("HELP", TODAY) == parse("?", TODAY) == Help()
    assert parse("status", TODAY) == Status(None)
    assert parse("status R42", TODAY) == parse("Status #42", TODAY) == Status(42)
    assert parse("list", TODAY) == List()
    assert parse("cancel r42", TODAY) == Cancel(42)
    assert parse("plan fact_x", TODAY) == PlanOnly(Request(model="fact_x"))
    assert parse('hold fact_x reason="wait for Dune"', TODAY) == Hold("fact_x", "wait for Dune")
    assert parse("unhold fact_x", TODAY) == Unhold("fact_x", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ez_x_metrics backfill", "A backfill needs a date: `/dbt-refresh ez_x_metrics backfill 2026-04-20`."),
        ("ez_x backfill at=2026-04-08", "`/dbt-refresh ez_x backfill 2026-04-08`"),
        ("ez_x backfill 2026-04-22", "2026-04-22 lies in the future (today is 2026-04-21 in UTC)"),
        ("ez_x at=2030-01-01", "lies in the future"),
        ("ez_x backfill 08/04/2026", "`08/04/2026` is not a date I can read"),
        ("ez_x backfill 2026-02-30", "not a date"),
        ("ez_x backfill 2026-04-01 2026-04-08", "one date"),
        ("ez_x backfill 2026-04-08 at=2026-04-01", "lies before the backfill date"),
        ("ez_x 2026-04-08", "`/dbt-refresh ez_x backfill 2026-04-08`"),
        ("ez_x full-refresh backfill 2026-04-08", "either a full refresh or a backfill"),
        ("ez_x columns=a", "`columns=` works with a backfill only"),
        ("ez_x backfill 2026-04-08 columns=", "`columns=` has no value"),
        ("ez_x backfill 2026-04-08 columns=a;drop-b", "cannot be a column's name"),
        ("ez_x colums=a", "Did you mean `columns=`?"),
        ("ez_x frobnicate=a", "There is no option `frobnicate=`"),
        ("ez_x at=2026-04-08 at=2026-04-09", "twice"),
        ("ez_x warehouse=a b", "I do not know what `b` means"),
        ("ez_x please", "I do not know what `please` means after `ez_x`"),
        ("<@U0BOB|bob>", "is a person"),
        ("status ez_x", "`/dbt-refresh status R42`"),
        ("cancel", "`/dbt-refresh cancel R42`"),
        ("approve R42", "the button stands in the thread"),
        ("backfill 2026-04-08", "Which model?"),
        ("plan", "Which model? Write `/dbt-refresh plan &lt;model&gt;`."),
        ("hold", "Which model? Write `/dbt-refresh hold &lt;model&gt;`."),
        ("unhold reason=done", "Which model? Write `/dbt-refresh unhold &lt;model&gt;`."),
        ("ez_x backfill yesterday", "`yesterday` is not a date I can read"),
    ],
)
def test_wrong_input_gets_one_sentence_that_says_what_to_do(text, says):
    assert says in refused(text)


def answer(function, *args) -> object:
    """What it returns, or the sentence of its refusal; any other exception is a bug."""
    try:
        return function(*args)
    except Refusal as refusal:
        return refusal.user_text.strip()


@given(st.text(max_size=120))
def test_any_text_is_a_command_or_a_refusal(text):
    assert answer(parse, text, TODAY)


WORDS = st.sampled_from(
    [
        "backfill",
        "full",
        "columns=",
        "at=",
        "a,b",
        "2026-04-08",
        "<",
        ">",
        "|",
        '"',
        "’",
        "—x",
        "reason=",
        "m",
        "R1",
        "=",
        "plan",
        "&lt;",
    ]
)


@given(st.lists(WORDS, max_size=9), st.sampled_from(["", " "]))
def test_any_mix_of_our_own_words_too(words, glue):
    assert answer(parse, glue.join(words), TODAY)


names = st.from_regex(r"[a-z][a-z0-9_]{2,30}", fullmatch=True).filter(
    lambda n: n not in ("help", "list", "status", "cancel", "full", "backfill")
)
dates = st.dates(date(2000, 1, 1), TODAY)


@given(
    st.builds(
        Request,
        model=names.map("db.".__add__),
        at=st.lists(dates, max_size=3, unique=True).map(tuple),
        warehouse=st.just("") | names,
        reason=st.text(st.characters(categories=["L", "N"]), max_size=20),
    ),
    st.none() | st.lists(names, max_size=3, unique=True),
)
def test_a_request_survives_being_written_as_a_command(request, columns):
    if columns is not None:
        since = min(request.at, default=THE_DAY)
        request = Request(
            model=request.model,
            mode=Mode.BACKFILL,
            since=since,
            columns=tuple(columns),
            at=request.at,
            reason=request.reason,
        )
    assert asked(write(request)) == request


def entry(name: str, prod: str = "", package: str = "shop", **more) -> Entry:
    relation = Relation.parse(prod) if prod else None
    more.setdefault("materialized", "table")
    return Entry(unique_id=f"model.{package}.{name}", name=name, package=package, prod=relation, **more)


def index(*entries: Entry) -> Index:
    made = datetime(2026, 4, 21, tzinfo=UTC)
    return Index(
        code="", dirty=False, made_at=made, project="shop", entries=entries, exposures=(), sources={}, analyses={}
    )


SHOP = index(
    entry("ez_ethereum_metrics", "ethereum.PROD_core.ez_metrics"),
    entry("ez_solana_metrics", "solana.PROD_core.ez_metrics"),
    entry("fact_dex", "analytics.prod.fact_dex"),
    entry("fact_dex", "other.prod.fact_dex_2", package="vendor"),
    entry("old_model", enabled=False),
    entry("dex_view", "analytics.prod.dex_view", materialized="view"),
)


@pytest.mark.parametrize(
    "typed",
    [
        "ez_ethereum_metrics",
        "EZ_Ethereum_Metrics",
        "shop.ez_ethereum_metrics",
        "ethereum.ez_metrics",
        "ETHEREUM.PROD_CORE.EZ_METRICS",
        "model.shop.ez_ethereum_metrics",
    ],
)
def test_a_model_is_found_by_what_people_call_it(typed):
    assert find(SHOP, typed).unique_id == "model.shop.ez_ethereum_metrics"


def test_an_alias_of_several_models_offers_them():
    with pytest.raises(NoSuchModel) as caught:
        find(SHOP, "ez_metrics")
    assert "`ez_metrics` is the table name of 2 models." in caught.value.user_text
    assert {find(SHOP, c).name for c in caught.value.choices} == {"ez_ethereum_metrics", "ez_solana_metrics"}
    with pytest.raises(NoSuchModel, match="2 models"):
        find(SHOP, "prod_core.ez_metrics")


def test_a_name_in_two_packages_lists_both_and_each_choice_is_understood():
    with pytest.raises(NoSuchModel, match="`fact_dex` fits 2 models") as caught:
        find(SHOP, "fact_dex")
    assert {find(SHOP, c).package for c in caught.value.choices} == {"shop", "vendor"}


def test_versions_of_a_model_are_told_apart():
    versions = [
        replace(entry("dim_users", f"A.PROD.DIM_USERS_V{n}"), unique_id=f"model.shop.dim_users.v{n}") for n in (1, 2)
    ]
    with pytest.raises(NoSuchModel) as caught:
        find(index(*versions), "dim_users")
    assert caught.value.choices == ("model.shop.dim_users.v1", "model.shop.dim_users.v2")
    for number, choice in enumerate(caught.value.choices):
        assert find(index(*versions), choice) is versions[number]
        assert find(index(*versions), f"dim_users_v{number + 1}") is versions[number], "and by its table"


def test_an_unknown_name_gets_the_nearest_by_words():
    with pytest.raises(NoSuchModel) as caught:
        find(SHOP, "ez_etherium_metrics")
    assert "Did you mean `ez_ethereum_metrics` (ETHEREUM.PROD_CORE.EZ_METRICS)" in caught.value.user_text
    with pytest.raises(NoSuchModel, match="metrics_ethereum"):
        find(SHOP, "metrics_ethereum")
    with pytest.raises(NoSuchModel, match="alone opens a form"):
        find(SHOP, "zzz")


def test_disabled_and_views_are_found_so_that_planning_can_say_why_not():
    assert find(SHOP, "old_model").enabled is False
    assert find(SHOP, "dex_view").materialized == "view"
    assert [e.name for e in options(SHOP, "dex")] == ["fact_dex", "fact_dex"]


def test_the_typeahead_takes_words_in_any_order():
    assert [e.name for e in options(SHOP, "metrics eth")] == ["ez_ethereum_metrics"]
    assert [e.name for e in options(SHOP, "ethereum.ez_metrics")] == ["ez_ethereum_metrics"]
    assert len(options(SHOP, "")) == 4
    assert options(SHOP, "nothing like it") == []


def test_the_typeahead_knows_columns_tags_and_owners_after_names():
    shop = index(
        entry(
            "fact_fees", "analytics.prod.fact_fees", tags=("hourly",), owner="Data-Platform", columns=("DAILY_VOLUME",)
        ),
        entry("hourly_users_of_all_chains", "analytics.prod.hourly_users_of_all_chains"),
    )
    assert [e.name for e in options(shop, "hourly")] == ["hourly_users_of_all_chains", "fact_fees"]
    assert [e.name for e in options(shop, "platform fees")] == ["fact_fees"]
    assert [e.name for e in options(shop, "daily_volume")] == ["fact_fees"]  # all that is known may be the wrong number


@given(st.text(max_size=40))
def test_any_typed_name_is_found_or_refused(typed):
    assert len(options(SHOP, typed)) <= 4
    assert answer(find, SHOP, typed)


def test_five_thousand_models_are_told_apart():
    many = index(*(entry(f"ez_chain{i}_metrics", f"chain{i}.prod_core.ez_metrics") for i in range(5000)))
    assert find(many, "chain4711.ez_metrics").name == "ez_chain4711_metrics"
    assert options(many, "metrics chain4711")[0].name == "ez_chain4711_metrics"
    with pytest.raises(NoSuchModel):
        find(many, "ez_metrics")
    with pytest.raises(NoSuchModel, match="4711"):
        find(many, "ez_chian4711_metrics")
