"""A database that was put back from a copy is older than production: nothing is promoted twice, no hold is forgotten."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from bot import events as e
from bot import guards, reconcile_cli
from bot.errors import InDoubt
from bot.model import State, TakenOver, Trace, Unrecorded
from bot.session import Unreachable
from bot.store import Held
from bot.store.records import lift_hold
from tests.contract.databases import BACKENDS
from tests.contract.timelines import TRUE, Bot, amount, replacements, timeline
from tests.contract.warehouses import ORDERS, World
from tests.refreshes import BOB, UNIQUE_ID

WRONG = "2.25"


#: The commits after which the database is copied: the last of each state on the way.
COPIED = {
    "baseline taken",
    "built",
    "checked",
    "approved",
    "promotion intended",
    "promoted",
    "verified",
    "undo asked",
    "undo intended",
    "undone",
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_restored_at_each_state_after_an_undo(shop: World, backend: str, tmp_path: Path) -> None:
    """No second promotion and no lost hold. Where tables are still to be named the look at the start comes first."""
    with timeline(shop, backend, tmp_path, COPIED) as lost:
        bot = lost.bot
        bot.asked()
        lost.keep("asked")
        assert bot.does().state is State.DONE
        assert amount(shop) == TRUE
        assert bot.undoes().state is State.UNDONE
        assert (amount(shop), replacements(shop)) == (WRONG, 2)
        assert set(lost.copies) == COPIED | {"asked"}
        for name in lost.copies:
            with lost.put_back(name) as restored:
                if name in ("asked", "baseline taken", "promotion intended"):
                    restored.timers.reconcile()
                refresh = restored.does()
                if refresh.state is State.DONE:
                    refresh = restored.undoes()
                assert refresh.state is ENDS_AS.get(name, State.STALE), name
                assert (amount(shop), replacements(shop)) == (WRONG, 2), name
                lost_undo = [u for u in restored.store.unrecorded() if u.trace is Trace.UNDO and u.table == ORDERS]
                assert bool(lost_undo) is not bool(restored.store.held(UNIQUE_ID)), name


ENDS_AS = {
    "promotion intended": State.FAULTY,  # it happened, as the history says, and production is not what it was to be
    "promoted": State.FAULTY,
    "verified": State.DONE,  # an undo that is asked for is refused
    "undo asked": State.DONE,
    "undo intended": State.UNDONE,  # an intent that is known is looked up as always
    "undone": State.UNDONE,
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_look_at_the_start_withdraws_once_snowflake_answers(shop: World, backend: str, tmp_path: Path) -> None:
    with timeline(shop, backend, tmp_path, {"checked"}) as lost:
        lost.bot.asked()
        assert lost.bot.does().state is State.DONE
        with lost.put_back("checked") as restored:
            shop.sandbox.inject("QUERY_HISTORY_BY_USER", "lost_reply", times=9)
            restored.timers.reconcile()
            assert restored.refresh().state is State.AWAITING
            shop.sandbox.clear_faults()
            restored.timers.reconcile()
            refresh = restored.refresh()
            assert refresh.state is State.STALE
            assert refresh.problem and "R1 was promoted" in refresh.problem.text
            assert refresh.problem.kind == guards.RECHECK  # every key of production is in the candidate
            sent = len(shop.sandbox.log)
            restored.timers.reconcile()
            assert len(shop.sandbox.log) == sent  # one look for each start


@pytest.mark.parametrize("backend", BACKENDS)
def test_ids_and_fences_of_the_lost_time_are_not_given_again(shop: World, backend: str, tmp_path: Path) -> None:
    with timeline(shop, backend, tmp_path) as lost:
        lost.bot.asked()
        lost.keep("asked")
        lost.bot.does()
        assert lost.bot.asked().id == 2
        assert lost.bot.does(2).candidate
        used = lost.bot.refresh().candidate
        with lost.put_back("asked") as restored:
            restored.timers.reconcile()
            refresh = restored.does()
            assert refresh.candidate and refresh.candidate != used
            restored.record(e.CancelAsked(at=restored.now, by=BOB))
            assert restored.asked().id == 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_person_takes_over_is_known_from_then_on(shop: World, backend: str, tmp_path: Path) -> None:
    with timeline(shop, backend, tmp_path) as lost:
        lost.bot.asked()
        lost.keep("asked")
        lost.bot.does()
        lost.bot.undoes()
        with lost.put_back("asked") as restored:
            found, settings = look(restored, shop), shop.settings.warehouse
            traces = [Trace.BASELINE, Trace.CANDIDATE, Trace.BACKUP, Trace.PROMOTION, Trace.UNDO]
            assert [one.trace for one in found] == traces
            models = list(reconcile_cli.held_models(restored.store, found).values())
            assert models == [UNIQUE_ID]
            said = TakenOver(by="Bob", at=restored.now, reason="read it")
            reconcile_cli.take_over(restored.store, settings, found, models, said)
            assert look(restored, shop) == ()
            hold = restored.store.held(UNIQUE_ID)
            assert hold and hold.reason == "read it (Bob, dbt-refresh reconcile)"
            assert {one.taken_over for one in restored.store.unrecorded(taken_over=True)} == {said}
            noted = [line.data for line in restored.store.trail(1) if line.event == "noted"]
            assert len(noted) == 2 and all("taken over by Bob, “read it”" in data for data in noted)
            kept = {o.kind: o.keep_until for o in restored.store.objects(1)}
            assert kept["backup"] == said.at + settings.keep_backup
            assert kept["candidate"] == said.at + settings.keep_dev
            restored.services.record(restored.refresh(), e.CancelAsked(at=restored.now, by=BOB))
            with pytest.raises(Held):
                restored.asked()


def look(bot: Bot, shop: World) -> tuple[Unrecorded, ...]:
    return reconcile_cli.look(bot.store, shop.warehouse, shop.settings.warehouse).unrecorded


def test_a_new_installation_beside_the_tables_of_another_mistakes_nothing(shop: World, tmp_path: Path) -> None:
    with timeline(shop, "sqlite", tmp_path) as first:
        first.bot.asked()
        assert first.bot.does().state is State.DONE
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        with timeline(shop, "sqlite", fresh) as second:
            shown = reconcile_cli.look(second.bot.store, shop.warehouse, shop.settings.warehouse)
            assert shown.unrecorded == ()
            (backup,) = (o.relation for o in first.bot.store.objects(1) if o.kind == "backup")
            assert shown.foreign == (backup,)
            second.bot.asked()
            assert second.bot.does().state is State.DONE


def test_a_backup_that_a_crash_left_behind_is_used_by_who_recorded_it(shop: World, tmp_path: Path) -> None:
    with timeline(shop, "sqlite", tmp_path) as made:
        made.bot.asked()
        made.bot.does(approve=False)
        shop.sandbox.inject("^SELECT TO_VARCHAR.SYSTEM.LAST_CHANGE.*BACKUP_R1", "lost_reply")
        with pytest.raises(Unreachable):
            made.bot.does()
        assert made.bot.does().state is State.DONE
        assert replacements(shop) == 1
        assert sum("__BACKUP_R1" in s.sql and s.sql.startswith("CREATE TRANSIENT") for s in shop.sandbox.log) == 1


def test_a_life_without_a_restore_leaves_nothing_unknown(shop: World, tmp_path: Path) -> None:
    """Else a healthy installation could promote nothing: with lost answers, fences, undos and what the janitor dropped."""
    with timeline(shop, "sqlite", tmp_path) as made:
        bot = made.bot
        for number, lost in ((1, "CREATE OR REPLACE TRANSIENT TABLE"), (2, "RENAME TO")):
            bot.asked()
            shop.sandbox.inject('^CREATE OR REPLACE TRANSIENT TABLE "SHOP"."PROD"', "lost_reply")
            with suppress(InDoubt):
                bot.does(number)
            shop.sandbox.inject(lost, "lost_reply")
            with suppress(InDoubt, Unreachable):
                bot.does(number)
            assert bot.does(number).state is State.DONE
            assert look(bot, shop) == ()
            shop.sandbox.clear_faults()
            assert bot.undoes(number).state is State.UNDONE
            with bot.store.writing() as connection:
                lift_hold(connection, UNIQUE_ID)
            for made_by in bot.store.objects(number):
                bot.store.record_object(made_by.relation, made_by.kind, number, bot.now)
            bot.timers.clean_up()
            assert look(bot, shop) == ()
        assert bot.store.unrecorded(taken_over=True) == []


def test_the_look_costs_two_statements(shop: World, tmp_path: Path) -> None:
    with timeline(shop, "sqlite", tmp_path) as made:
        made.bot.asked()
        assert made.bot.does().state is State.DONE
        ours = [s for s in shop.sandbox.log if "QUERY_HISTORY_BY_USER" in s.sql or "CONTAINS(TABLE_NAME" in s.sql]
        assert len(ours) == 2
